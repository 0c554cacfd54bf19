#compdef sovr
# Completion of `sovr` for zsh; `sovr completion zsh` prints it.

_sovr() {
    local kind value help
    local -a whole open
    while IFS=$'\t' read -r kind value help; do
        case $kind in
            file) _files ;;
            dir) _files -/ ;;
            *)
                # More is to be typed after a folder or a colon.
                if [[ $value == *[/:=] ]]; then
                    open+=("${value//:/\\:}${help:+:$help}")
                else
                    whole+=("${value//:/\\:}${help:+:$help}")
                fi
                ;;
        esac
    done < <(_SOVR_COMPLETE=zsh _SOVR_LINE="${(j: :)words[1,CURRENT-1]} $QIPREFIX$IPREFIX$PREFIX" $words[1] 2>/dev/null)
    (( $#whole )) && _describe -V sovr whole
    (( $#open )) && _describe -V sovr open -S ''
    return 0
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _sovr "$@"
else
    compdef _sovr sovr
fi
