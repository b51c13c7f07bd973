# After csv.awk: one line a stack and measure, in ns.
END {
  for (i = 1; i <= nr_keys; ++i) {
    printf "%-26s", keys[i]
    n = split(all[keys[i]], name, " ")
    for (j = 1; j <= n; ++j)
      printf "  %s %.3g", name[j], ns[keys[i] "/" name[j]]
    print ""
  }
}
