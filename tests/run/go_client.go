// SPDX-License-Identifier: Apache-2.0
//
// A Go program, which makes its system calls itself and whose runtime sends its
// own threads signals all the time.
//
//	go_client LOOPS
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

const dmVersion = 0xc138fd00

func version(fd uintptr) bool {
	var request [312]byte
	for i, word := range []uint32{4, 0, 0, 312, 312} {
		binary.LittleEndian.PutUint32(request[4*i:], word)
	}
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, dmVersion,
		uintptr(unsafe.Pointer(&request[0])))
	return errno == 0 && binary.LittleEndian.Uint32(request[4:]) >= 20
}

func main() {
	loops, _ := strconv.Atoi(os.Args[1])
	control, err := os.OpenFile("/dev/mapper/control", os.O_RDWR, 0)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	st, _ := control.Stat()
	fmt.Println(st.Mode(), os.Geteuid())
	entries, _ := os.ReadDir("/dev/mapper")
	for _, entry := range entries {
		fmt.Println(entry.Name(), entry.Type())
	}
	names, _ := filepath.Glob("/sys/block/pmem*")
	fmt.Println(names[0])
	var lost int64
	var wait sync.WaitGroup
	for g := 0; g < 8; g++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for i := 0; i < loops; i++ {
				if !version(control.Fd()) {
					atomic.AddInt64(&lost, 1)
				}
				if i%100 == 0 {
					runtime.GC()
				}
			}
		}()
	}
	wait.Wait()
	fmt.Println("lost", lost)
}
