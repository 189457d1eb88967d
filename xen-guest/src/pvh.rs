//! The PVH entry: from the boot protocol's 32-bit mode to 64-bit Rust.

/// Defines the PVH entry point, its ELF note, the boot page tables and a stack.
///
/// ```ignore
/// xen_guest::pvh_entry!(start, stack: 64 * 1024);
///
/// fn start(start_info: usize) -> ! {
///     // 64-bit mode, the first 4 GiB mapped to themselves, interrupts off.
/// }
/// ```
///
/// The function gets the physical address of `hvm_start_info`; see
/// [`BootInfo::read`](crate::BootInfo::read). The stack has the given number of bytes.
///
/// The boot protocol (`docs/misc/pvh.pandoc`) specifies 32-bit protected mode, flat segments, no
/// paging, interrupts off, EBX = physical address of `hvm_start_info`, and no stack. The code
/// enables long mode with pages of 2 MiB, and no other CPU feature: SSE stays off, as the target
/// `x86_64-unknown-none` expects.
///
/// With `multiboot: other,` before the stack, the image has a multiboot header too, and `other`
/// gets the physical address of the multiboot information: see
/// [`BootInfo::read_multiboot`](crate::BootInfo::read_multiboot). `kernel=` of an HVM guest starts
/// such an image, and so does QEMU. Their state is that of the PVH boot protocol. The header
/// has the addresses, so that a 64-bit ELF file can be loaded; its segments must be linear in the
/// file, and the header in the first 8 KiB.
///
/// Sections: `.text.boot`, `.rodata.boot`, `.bss.boot`, `.stack`, `.note.Xen`. The image must be
/// linked at its physical address, below 4 GiB, with the note kept in a segment of type `PT_NOTE`:
/// the linker script `pvh.ld` of this crate does so, and starts the image at 2 MiB. A build script
/// finds its path in `DEP_XEN_GUEST_LINKER_SCRIPT`. The multiboot header is in section
/// `.multiboot`, and needs the symbols `image_load_start`, `image_load_end` and `image_end` of that
/// script.
#[macro_export]
macro_rules! pvh_entry {
    ($main:path, stack: $stack:expr) => {
        /// Starts the kernel in 64-bit mode.
        extern "C" fn xen_guest_start(start_info: usize, _: usize) -> ! {
            let main: fn(usize) -> ! = $main;
            main(start_info)
        }

        $crate::pvh_entry!(@entry stack: $stack);
    };
    ($main:path, multiboot: $multiboot:path, stack: $stack:expr) => {
        /// Starts the kernel in 64-bit mode.
        extern "C" fn xen_guest_start(information: usize, is_multiboot: usize) -> ! {
            let mains: [fn(usize) -> !; 2] = [$main, $multiboot];
            let [main, multiboot] = mains;
            if is_multiboot == 0 { main(information) } else { multiboot(information) }
        }

        core::arch::global_asm!(
            ".section .multiboot, \"a\"",
            ".balign 4",
            "multiboot_header:",
            ".long 0x1badb002", // magic
            ".long 0x00010003", // modules at pages, memory map, addresses
            ".long -(0x1badb002 + 0x00010003)",
            ".long multiboot_header",
            ".long image_load_start",
            ".long image_load_end",
            ".long image_end",
            ".long multiboot_start",
            ".section .text.boot, \"ax\"",
            ".code32",
            "multiboot_start:",
            "mov ebp, 1",
            "jmp pvh_enter",
            ".code64",
            ".text",
        );

        $crate::pvh_entry!(@entry stack: $stack);
    };
    (@entry stack: $stack:expr) => {

        const _: () = {
            unsafe extern "C" {
                /// The entry point.
                fn pvh_start();
            }

            $crate::hypercall::elf_notes! {
                ENTRY: unsafe extern "C" fn() =
                    $crate::hypercall::elfnote::ElfNote::phys32_entry(pvh_start);
            }
        };

        core::arch::global_asm!(
            ".section .text.boot, \"ax\"",
            ".code32",
            ".globl pvh_start",
            "pvh_start:",
            "xor ebp, ebp", // the protocol
            "pvh_enter:",
            "cld",
            "mov esp, offset pvh_stack_end",
            // Long mode requires paging. The first 4 GiB are mapped to themselves, in pages of
            // 2 MiB. The loader has zeroed the tables, which are in .bss.
            "mov edi, offset pvh_page_directories",
            "mov eax, 0x83", // present, writable, large page
            "mov ecx, 2048",
            "2:",
            "mov [edi], eax",
            "add edi, 8",
            "add eax, 0x200000",
            "loop 2b",
            "mov edi, offset pvh_pdpt",
            "mov eax, offset pvh_page_directories + 3", // present, writable
            "mov ecx, 4",
            "3:",
            "mov [edi], eax",
            "add edi, 8",
            "add eax, 0x1000",
            "loop 3b",
            "mov eax, offset pvh_pdpt + 3",
            "mov edi, offset pvh_pml4",
            "mov [edi], eax",
            // The processor requires this order: CR4.PAE and CR3, EFER.LME, CR0.PG, and a far
            // return to a 64-bit segment.
            "mov cr3, edi",
            "mov eax, cr4",
            "or eax, 1 << 5", // PAE
            "mov cr4, eax",
            "mov ecx, 0xc0000080", // EFER
            "rdmsr",
            "or eax, 1 << 8", // LME
            "wrmsr",
            "mov eax, cr0",
            "or eax, (1 << 31) | (1 << 16)", // PG, and WP: read-only for the kernel too
            "mov cr0, eax",
            "lgdt [pvh_gdt_pointer]",
            "push 0x08",
            "mov eax, offset pvh_start64",
            "push eax",
            "retf",
            ".code64",
            "pvh_start64:",
            "mov eax, 0x10",
            "mov ds, eax",
            "mov es, eax",
            "mov ss, eax",
            "xor eax, eax",
            "mov fs, eax",
            "mov gs, eax",
            "mov esp, offset pvh_stack_end", // clears the upper half, undefined so far
            "mov edi, ebx",                  // the arguments: start_info, and the protocol
            "mov esi, ebp",
            "xor ebp, ebp", // ends the chain of stack frames
            "call {start}",
            "ud2",
            ".section .rodata.boot, \"a\"",
            ".balign 8",
            "pvh_gdt:",
            ".quad 0",
            ".quad 0x00af9b000000ffff", // 0x08: 64-bit code
            ".quad 0x00cf93000000ffff", // 0x10: data
            "pvh_gdt_pointer:",
            ".word pvh_gdt_pointer - pvh_gdt - 1",
            ".long pvh_gdt",
            ".section .bss.boot, \"aw\", @nobits",
            ".balign 4096",
            "pvh_pml4:",
            ".skip 4096",
            "pvh_pdpt:",
            ".skip 4096",
            "pvh_page_directories:",
            ".skip 4 * 4096",
            ".section .stack, \"aw\", @nobits",
            ".balign 4096",
            ".skip {stack}",
            ".balign 16",
            "pvh_stack_end:",
            ".text",
            start = sym xen_guest_start,
            stack = const $stack,
        );
    };
}
