# Completion of ucp-streams for bash; `ucp-streams completions bash` prints this file.
# The tool itself is asked for the words, so that they fit the version that is installed and the
# server that the line is about.

_ucp_streams() {
    local candidate
    COMPREPLY=()
    # What the candidates are put on the line as, the tool says: names on the server are other
    # people's, and the shell must not run them. $2 is the text that readline will replace.
    while IFS= read -r candidate; do
        COMPREPLY+=("$candidate")
    done < <(ucp-streams __complete-bash "${COMP_LINE:0:COMP_POINT}" "$2" \
        "${COMP_LINE:COMP_POINT:1}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/=] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

complete -F _ucp_streams ucp-streams
