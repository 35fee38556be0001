# shellcheck shell=bash
# What the scripts in this folder share. Sourced, never run.

# shellcheck disable=SC2034 # read by the callers
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck disable=SC2034 # read by the callers
services=(intake routing desk notification evaluation oversight gateway)

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

# usage CODE: prints the comment at the head of the script.
usage() {
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
  exit "$1"
}

# run_release PROGRAM ARG...: builds everything in release, with the servers' packages there, and becomes that program.
run_release() {
  local program=$1
  shift
  "$repo/deploy/servers" install
  say "building (release)"
  (cd "$repo" && SQLX_OFFLINE=true cargo build --release --locked --quiet --bins)
  exec "${CARGO_TARGET_DIR:-$repo/target}/release/$program" "$@"
}

# wait_until SECONDS COMMAND...: polls a condition until it holds (0) or its deadline has passed (1).
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.05
  done
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Below the range from which the kernel hands out ports of its own, so that a port stays ours between two starts.
free_port() {
  local port
  for _ in {1..200}; do
    port=$((20000 + ((RANDOM << 15) | RANDOM) % 12000))
    if ! answers "$port"; then echo "$port"; return; fi
  done
  die "no free port found between 20000 and 32000"
}

# exec_as USER COMMAND...: becomes the command as that account when we are root, as ourselves otherwise.
exec_as() {
  local user=$1
  shift
  cd /
  if ((EUID == 0)); then exec setpriv --reuid "$user" --regid "$user" --init-groups -- "$@"; else exec "$@"; fi
}

random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# secret_file PATH BYTES: makes a file with random bytes in hex, once.
secret_file() {
  [[ -s $1 ]] || (umask 077 && random_hex "$2" >"$1.new" && mv "$1.new" "$1")
}

# The parts of scheme://user:password@host:port/path, in url_user, url_password, url_host, url_port, url_path. Passwords go to
# programs by environment or standard input, never as an argument: arguments are everybody's to read.
parse_url() {
  [[ $1 =~ ^[a-z]+://([^:@/]*):?([^@/]*)@([^:/]+):?([0-9]*)/?(.*)$ ]] || die "not an URL with user, password and host"
  local decoded
  decoded=${BASH_REMATCH[2]//%/\\x}
  # shellcheck disable=SC2034 # read by the callers
  printf -v url_password '%b' "$decoded"
  # shellcheck disable=SC2034 # read by the callers
  url_user=${BASH_REMATCH[1]} url_host=${BASH_REMATCH[3]} url_port=${BASH_REMATCH[4]} url_path=${BASH_REMATCH[5]}
}

# run_psql URL DATABASE ARGUMENT...: psql as the user of URL, on DATABASE of its server.
run_psql() {
  local database=$2
  parse_url "$1"
  shift 2
  PGPASSWORD=$url_password PGAPPNAME=tuntas-deploy PGOPTIONS='-c client_min_messages=warning' \
    psql -X -q -v ON_ERROR_STOP=1 -h "$url_host" -p "${url_port:-5432}" -U "$url_user" -d "$database" "$@"
}
