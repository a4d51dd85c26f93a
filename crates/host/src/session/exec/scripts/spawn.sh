# The exec's own process becomes the program, so the pid is its.
printf '%s\n' "$$"
exec "$@"
