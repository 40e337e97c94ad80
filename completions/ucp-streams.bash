# Completion of ucp-streams for bash; `ucp-streams completions bash` prints this file.
# The tool itself is asked for the words, so that they fit the version that is installed and the
# server that the line is about.

# The words of the line up to the cursor, in `words`. Readline splits at `:` and `=`, which are parts of URLs,
# stream names and options: what stands together on the line is joined again.
_ucp_streams_words() {
    local rest=${COMP_LINE:0:COMP_POINT} piece space i
    words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        space=${rest%%[![:space:]]*}
        rest=${rest#"$space"}
        piece=${COMP_WORDS[i]}
        # What is behind the cursor does not count.
        if ((i == COMP_CWORD)); then piece=$rest; fi
        if ((i > 0)) && [[ -z $space ]]; then
            words[${#words[@]} - 1]+=$piece
        else
            words+=("$piece")
        fi
        rest=${rest#"$piece"}
    done
    for ((i = 0; i < ${#words[@]} - 1; i++)); do
        case ${words[i]} in
            \"*\" | \'*\') words[i]=${words[i]:1:${#words[i]}-2} ;;
        esac
    done
}

_ucp_streams() {
    local words current last line value shown before quote=0
    _ucp_streams_words
    last=$((${#words[@]} - 1))
    current=${words[last]}
    before=
    case $current in
        [\"\']*) current=${current:1} ;; # an open quote: readline keeps it and sees one word
        *) # Readline replaces only what is behind the last `:` or `=` of the word.
            if [[ $COMP_WORDBREAKS == *:* ]]; then
                before=${current%"${current##*[:=]}"}
            else
                before=${current%"${current##*=}"}
            fi
            quote=1
            ;;
    esac
    words[last]="=$current"
    COMPREPLY=()
    while IFS= read -r line; do
        value=${line%%$'\t'*}
        shown=${value#"$before"}
        if ((quote)) && [[ ! $shown =~ ^[[:alnum:]_.:=/@%+{}~,-]*$ || $shown == *..* || $shown == *\{*,* ]]; then
            printf -v shown %q "$shown"
        fi
        COMPREPLY+=("$shown")
    done < <(ucp-streams __complete "${words[@]}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/=] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

complete -F _ucp_streams ucp-streams
