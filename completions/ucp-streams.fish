# Completion of ucp-streams for fish; `ucp-streams completions fish` prints this file.
# The tool itself is asked for the words, so that they fit the version that is installed and the
# server that the line is about.

function __ucp_streams_complete
    # An open quote is no part of the word.
    set -l current (commandline -ct | string trim --left --chars "'\"")
    ucp-streams __complete (commandline -opc) "=$current" 2>/dev/null
end

complete --command ucp-streams --no-files --keep-order --arguments '(__ucp_streams_complete)'
