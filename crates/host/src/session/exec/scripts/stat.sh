# $1 the path, $2 the option of stat that follows links, or empty. What a link holds comes after the line.
stat $2 -c '%f %s %Y %X %Z %u %g' "$1" || exit
if [ -z "$2" ] && [ -L "$1" ]; then
  readlink "$1"
fi
