exec cat "$1"
