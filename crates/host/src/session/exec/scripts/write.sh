# $1 the file, $2 its folder. tee, and not a redirection, because its errors say what the system said.
[ -d "$2" ] || mkdir -p "$2" || exit
exec tee "$1" >/dev/null
