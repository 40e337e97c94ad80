# Completion of ucp-streams for fish; `ucp-streams completions fish` prints this file.
# The tool itself is asked for the words, so that they fit the version that is installed and the
# server that the line is about.

function __ucp_streams_complete
    set -l token (commandline -ct)
    # fish keeps a brace that is neither quoted nor escaped as it was typed, and escapes the one that closes it, which
    # breaks the line: nothing is offered there.
    string match --quiet --regex -- '^[^\'"\\\\]*\{' $token; and return
    set -l current (string unescape -- $token)
    # An open quote is no part of the word.
    or set current (string trim --left --chars "'\"" -- $token)
    ucp-streams __complete (commandline -opc) "=$current" 2>/dev/null
end

complete --command ucp-streams --no-files --keep-order --arguments '(__ucp_streams_complete)'
