# Completion of ucp-streams for elvish; `ucp-streams completions elvish` prints this file.
# The tool itself is asked for the words, so that they fit the version that is installed and the
# server that the line is about.

use str

set edit:completion:arg-completer[ucp-streams] = {|@words|
    var current = $words[-1]
    var asked = [(all $words[..-1]) '='$current]
    try {
        (external ucp-streams) __complete $@asked 2>/dev/null | from-lines | each {|line|
            var value = [(str:split "\t" $line)]
            if (> (count $value) 1) {
                edit:complex-candidate $value[0] &display=$value[0]'  '$value[1]
            } else {
                edit:complex-candidate $value[0]
            }
        }
    } catch e { }
}
