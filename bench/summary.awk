# The goals of several logs of bench/run.sh as a table for bench/README.md, with
# the verdict of the median:
#   awk -f bench/summary.awk bench/log/DATE-run*.txt
# with -v svg=1 as docs/speed.svg, with -v rows=bench/readme_rows.txt as the table
# of README.md.
FNR == 1 { ++runs }
/^goal \(ratio/ { in_goals = 1; next }
/^$/ { in_goals = 0 }
in_goals {
  name = substr($0, 1, 34); sub(/ +$/, "", name)
  n = split(substr($0, 35), f, " ")
  if (!(name in goal)) { goal[name] = f[1]; order[++names] = name }
  ratio[name, runs] = f[2]
  limit[name, runs] = f[3] == "-" ? 0 : f[3]
}
# Of ratio or limit.
function median(of, name,    i, j, v, k) {
  for (i = 1; i <= runs; ++i) v[i] = of[name, i] + 0
  for (i = 2; i <= runs; ++i)
    for (j = i; j > 1 && v[j] < v[j - 1]; --j) { k = v[j]; v[j] = v[j - 1]; v[j - 1] = k }
  return v[int((runs + 1) / 2)]
}
END {
  if (svg) { chart(); exit }
  if (rows) { in_words(); exit }
  printf "| ratio, at least | goal | limit |"
  for (r = 1; r <= runs; ++r) printf " run %d |", r
  print " median is |"
  printf "|---|---|---|"
  for (r = 1; r <= runs; ++r) printf "---|"
  print "---|"
  for (i = 1; i <= names; ++i) {
    name = order[i]
    most = median(limit, name)
    printf "| %s | %g | %s |", name, goal[name], most ? sprintf("%.2f", most) : ""
    for (r = 1; r <= runs; ++r) printf " %.2f |", ratio[name, r]
    m = median(ratio, name)
    verdict = m >= goal[name] ? "met" : (m >= goal[name] * 0.9 ? "met but for noise" : \
      (most && m >= most * 0.9 ? "at the limit" : "missed"))
    printf " %s |\n", verdict
  }
}
# With -v svg=1: how much of each goal is reached.
function chart(    i, y, part, width, most, aim) {
  width = 760
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n", width, names * 20 + 40
  print "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
  print "<text x=\"10\" y=\"18\">median ratio reached, as a part of its goal, or of the limit below it (line: the goal; bars end at twice the goal)</text>"
  for (i = 1; i <= names; ++i) {
    y = 26 + (i - 1) * 20
    # Where the goal is beyond the limit, the limit is the goal.
    most = median(limit, order[i])
    aim = most && most < goal[order[i]] ? most : goal[order[i]]
    part = median(ratio, order[i]) / aim
    printf "<text x=\"10\" y=\"%d\">%s</text>\n", y + 13, order[i]
    printf "<rect x=\"260\" y=\"%d\" width=\"%.1f\" height=\"14\" fill=\"%s\"/>\n", y + 2, 200 * (part > 2 ? 2 : part), (part >= 0.9 ? "#2a7f62" : "#c77d2e")
    printf "<text x=\"668\" y=\"%d\">%.2f of %.3g</text>\n", y + 13, median(ratio, order[i]), aim
  }
  printf "<line x1=\"460\" y1=\"24\" x2=\"460\" y2=\"%d\" stroke=\"#333\"/>\n</svg>\n", names * 20 + 28
}
# With -v rows=FILE: what the file says of each goal, in words.
function in_words(    line, f, n) {
  print "| what | how fast |"
  print "|---|---|"
  while ((getline line < rows) > 0) {
    if (line ~ /^#/) continue
    n = split(line, f, / *; +/)
    if (n != 3 || !(f[1] in goal)) { print rows ": " line; exit 1 }
    printf "| %s | " f[3] " |\n", f[2], rounded(median(ratio, f[1]))
  }
}
# What two runs have in common: two digits.
function rounded(x) { return x < 10 ? sprintf("%.1f", x) : x < 100 ? sprintf("%.0f", x) : sprintf("%.0f", int(x / 10 + 0.5) * 10) }
