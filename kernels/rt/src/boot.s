// From the loader's 32-bit world into Rust.

// The entry point. The PVH boot protocol (docs/misc/pvh.pandoc) promises: 32-bit protected mode, flat segments, paging
// and interrupts off, EBX = physical address of struct hvm_start_info. There is no stack.
    .section .text.boot, "ax"
    .code32
    .globl _start
_start:
    cld
    mov esp, offset stack_top

// Long mode demands paging. Map the first 4 GiB to themselves, in pages of 2 MiB: no CPU lacks those, and a virtual
// address is then simply the physical one. The tables lie in .bss, which the loader has zeroed.
    mov edi, offset page_directories
    mov eax, 0x83                       // present, writable, large page
    mov ecx, 2048
1:  mov [edi], eax
    add edi, 8
    add eax, 0x200000
    loop 1b

    mov edi, offset pdpt
    mov eax, offset page_directories + 3 // present, writable
    mov ecx, 4
2:  mov [edi], eax
    add edi, 8
    add eax, 0x1000
    loop 2b

    mov eax, offset pdpt + 3
    mov edi, offset pml4
    mov [edi], eax

// The order is the processor's: CR4.PAE and CR3 first, then EFER.LME, then CR0.PG, and a far return into a 64-bit segment.
    mov cr3, edi
    mov eax, cr4
    or eax, 1 << 5                      // PAE
    mov cr4, eax
    mov ecx, 0xc0000080                 // EFER
    rdmsr
    or eax, 1 << 8                      // LME
    wrmsr
    mov eax, cr0
    or eax, (1 << 31) | (1 << 16)       // PG, and WP: a read-only page is read-only for the kernel too
    mov cr0, eax
    lgdt [gdt_pointer]
    push 0x08
    mov eax, offset start64
    push eax
    retf

    .code64
start64:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov esp, offset stack_top           // clears the upper half, which nothing has defined so far
    xor ebp, ebp                        // ends a chain of stack frames
    mov edi, ebx                        // the first argument: start_info
    call {rust_start}
    ud2

    .section .rodata.boot, "a"
    .balign 8
gdt:
    .quad 0
    .quad 0x00af9b000000ffff            // 0x08: 64-bit code
    .quad 0x00cf93000000ffff            // 0x10: data
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .long gdt

    .section .bss.boot, "aw", @nobits
    .balign 4096
pml4:
    .skip 4096
pdpt:
    .skip 4096
page_directories:
    .skip 4 * 4096

    .section .stack, "aw", @nobits
    .balign 4096
    // Drivers are moved about as values when they are made: a disk with 128 requests is 34 KiB.
    .skip 512 * 1024
stack_top:

    .text                               // where the assembler was before
