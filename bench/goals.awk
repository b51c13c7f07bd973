# After csv.awk, on goals.txt: the goals whose two benchmarks ran.
FILENAME ~ /goals.txt$/ && !/^#/ && NF == 4 {
  gsub(/ /, "", $2); gsub(/ /, "", $3)
  if (!($2 in ns) || !($3 in ns)) next
  if (!headed++)
    printf "%-34s %8s %8s\n", "goal (ratio, at least)", "goal", "ratio"
  ratio = ns[$2] / ns[$3]
  verdict = ratio >= $4 ? "met" : (ratio >= $4 * 0.9 ? "noise" : "missed")
  printf "%-34s %8.2f %8.2f  %s\n", $1, $4, ratio, verdict
}
