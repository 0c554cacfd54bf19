# Completion of `sovr` for fish; `sovr completion fish` prints it.

function __sovr_complete
    set -l line (commandline -cp | string collect)
    for answer in (_SOVR_COMPLETE=fish _SOVR_LINE=$line command sovr 2>/dev/null)
        set -l fields (string split \t -- $answer)
        switch $fields[1]
            case file
                __fish_complete_path (commandline -ct)
            case dir
                __fish_complete_directories (commandline -ct)
            case '*'
                printf '%s\t%s\n' $fields[2] "$fields[3]"
        end
    end
end

complete --command sovr --no-files --keep-order --arguments '(__sovr_complete)'
