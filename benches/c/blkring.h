/* The block ring of io/blkif.h, with the barriers that its macros ask a kernel for. */
#ifndef BLKRING_H
#define BLKRING_H

#include <stdint.h>
#include <string.h>

/* As on x86: loads and stores keep their order but for a store before a load. */
#define mb() __sync_synchronize()
#define rmb() __asm__ volatile("" ::: "memory")
#define wmb() __asm__ volatile("" ::: "memory")

#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/blkif.h>

#endif
