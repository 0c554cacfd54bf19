# Completion of `sovr` for bash 4.4 and later; `sovr completion bash` prints it.

_sovr_completion() {
    local current=${COMP_WORDS[COMP_CWORD]} breaks=$COMP_WORDBREAKS kind value help open=yes quote=
    COMPREPLY=()
    # Inside quotes, bash does not take a word apart at ":" or "=", and nothing needs a backslash.
    if [[ $current == [\"\']* ]]; then
        quote=${current:0:1}
        breaks=
    fi
    while IFS=$'\t' read -r kind value help; do
        case $kind in
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
            path)
                compopt -o filenames
                COMPREPLY+=("$value")
                ;;
            *)
                # What a name has in it must not become a command.
                if [[ -z $quote ]]; then
                    printf -v value '%q' "$value"
                elif [[ $value == *[\`\$\\\"\'!]* ]]; then
                    continue
                fi
                COMPREPLY+=("$value")
                ;;
        esac
        [[ $value == *[/:=] ]] || open=
    done < <(_SOVR_COMPLETE=bash _SOVR_LINE=${COMP_LINE:0:COMP_POINT} _SOVR_BREAKS=$breaks "$1" 2>/dev/null)
    # More is to be typed after a folder or a colon.
    if [[ -n $open ]]; then
        compopt -o nospace
    fi
}

complete -o nosort -F _sovr_completion sovr
