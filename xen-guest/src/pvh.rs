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
/// With `relocatable,` before the stack, the image also has a note by which Xen 4.20 and later may
/// load it elsewhere as dom0, on a machine that has no RAM at the address of its link. It must be
/// position-independent: linked with `-pie --apply-dynamic-relocs`. The entry code then adds the
/// difference to each address in the image, before any Rust code runs.
///
/// Sections: `.text.boot`, `.rodata.boot`, `.data.boot`, `.bss.boot`, `.stack`, `.note.Xen`. The
/// image must be linked at its physical address, below 4 GiB, with the note kept in a segment of
/// type `PT_NOTE`: the linker script `pvh.ld` of this crate does so, and starts the image at 2 MiB,
/// or at the symbol `image_base`. A build script finds its path in `DEP_XEN_GUEST_LINKER_SCRIPT`.
/// The multiboot header is in section `.multiboot`, and needs the symbols `multiboot_*` of that
/// script; a position-independent image needs `image_rela_start` and `image_rela_end`.
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
    ($main:path, multiboot: $multiboot:path, relocatable, stack: $stack:expr) => {
        const _: () = {
            $crate::hypercall::elf_notes! {
                // Pages of 2 MiB, above the devices in a PC's first MiB.
                RELOCATION: [u32; 3] = $crate::hypercall::elfnote::ElfNote::phys32_reloc(
                    0x20_0000, 0x20_0000, u32::MAX,
                );
            }
        };

        $crate::pvh_entry!($main, multiboot: $multiboot, stack: $stack);
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
            ".long multiboot_load_start", // the header's own address
            ".long multiboot_load_start",
            ".long multiboot_load_end",
            ".long multiboot_end",
            ".long multiboot_entry",
            ".section .text.boot, \"ax\"",
            ".code32",
            ".globl multiboot_start",
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
            // The image may be at another address than that of its link. The first word of the
            // loader's information is the stack of a call for this address.
            "mov eax, [ebx]",
            "lea esp, [ebx + 4]",
            "call pvh_enter_here",
            "pvh_places:", // relative to this place
            ".long pvh_stack_end - pvh_places",
            ".long pvh_page_directories - pvh_places",
            ".long pvh_pdpt - pvh_places",
            ".long pvh_pml4 - pvh_places",
            ".long pvh_gdt - pvh_places",
            ".long pvh_start64 - pvh_places",
            "pvh_enter_here:",
            "pop esi",
            "mov [ebx], eax",
            "mov esp, [esi]",
            "add esp, esi",
            // Long mode requires paging. The first 4 GiB are mapped to themselves, in pages of
            // 2 MiB. The loader has zeroed the tables, which are in .bss.
            "mov edi, [esi + 4]", // page directories
            "add edi, esi",
            "mov eax, 0x83", // present, writable, large page
            "mov ecx, 2048",
            "2:",
            "mov [edi], eax",
            "add edi, 8",
            "add eax, 0x200000",
            "loop 2b",
            "mov eax, [esi + 4]",
            "lea eax, [eax + esi + 3]", // present, writable
            "mov edi, [esi + 8]",       // the table above them
            "add edi, esi",
            "mov ecx, 4",
            "3:",
            "mov [edi], eax",
            "add edi, 8",
            "add eax, 0x1000",
            "loop 3b",
            "mov eax, [esi + 8]",
            "lea eax, [eax + esi + 3]",
            "mov edi, [esi + 12]", // the first table
            "add edi, esi",
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
            "mov eax, [esi + 16]",
            "add eax, esi",
            "push eax",
            "push (3 * 8 - 1) << 16", // the limit, in the upper half
            "lgdt [esp + 2]",
            "push 0x08",
            "mov eax, [esi + 20]",
            "add eax, esi",
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
            "lea rsp, [rip + pvh_stack_end]",
            // A position-independent image lists its words with addresses (RELATIVE, 24 bytes
            // each), in which the linker has written those of the link.
            "lea rax, [rip + pvh_start]",
            "sub rax, [rip + pvh_link_address]",
            "lea rdi, [rip + image_rela_start]",
            "lea rsi, [rip + image_rela_end]",
            "4:",
            "cmp rdi, rsi",
            "jae 5f",
            "mov rcx, [rdi]",
            "mov rdx, [rdi + 16]",
            "add rdx, rax",
            "mov [rcx + rax], rdx",
            "add rdi, 24",
            "jmp 4b",
            "5:",
            "mov edi, ebx", // the arguments: start_info, and the protocol
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
            ".section .data.boot, \"aw\"",
            ".balign 8",
            "pvh_link_address:",
            ".quad pvh_start",
            ".weak image_rela_start",
            ".weak image_rela_end",
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
