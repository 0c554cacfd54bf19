"""`python -m sovrgit` is `sovr`."""

from sovrgit.commands import main

if __name__ == "__main__":
    main()
