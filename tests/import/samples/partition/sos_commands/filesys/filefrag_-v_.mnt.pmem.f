Filesystem type is: ef53
File size of /mnt/pmem/f is 1073741824 (262144 blocks of 4096 bytes)
 ext:     logical_offset:        physical_offset: length:   expected: flags:
   0:        0..  262143:      34816..    296959: 262144:            last,eof
/mnt/pmem/f: 1 extent found
