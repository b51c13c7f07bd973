# Medians of Google Benchmark's CSV into ns["<stack>/<measure>/<contender>"].
# Threads share their wall time, and so does what starts some; what runs alone is
# better told by CPU time.
$1 ~ /_median"$/ {
  gsub(/"|_median/, "", $1)
  time = $1 ~ /threads:|real_time/ ? $3 : $4
  sub(/\/(threads:|real_time).*/, "", $1)
  ns[$1] = time
  split($1, part, "/")
  key = part[1] "/" part[2]
  if (!(key in seen)) { seen[key] = 1; keys[++nr_keys] = key }
  if (!((key, part[3]) in who)) { who[key, part[3]] = 1; all[key] = all[key] " " part[3] }
}
