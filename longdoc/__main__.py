"""`python -m longdoc` is `longdoc`."""

from longdoc.cli import main

if __name__ == "__main__":
    main()
