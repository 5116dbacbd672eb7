#include "io/flow_steering.hpp"

#include "io/descriptor.hpp"

#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace tinc::io {

namespace {

/// `return skb->hash`; the driver takes it modulo the number of queues.
constexpr std::array<bpf_insn, 2> program{{
    {.code = BPF_LDX | BPF_W | BPF_MEM,
     .dst_reg = BPF_REG_0,
     .src_reg = BPF_REG_1,
     .off = offsetof(__sk_buff, hash),
     .imm = 0},
    {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
}};

std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

}  // namespace

Result<void> steer_flows(int tun) {
    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    attributes.insns = address_of(program.data());
    attributes.insn_cnt = program.size();
    attributes.license = address_of("GPL");
    const Descriptor loaded(
        static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes)));
    if (!loaded) return system_failure("Loading the program that chooses queues failed");
    int number = loaded.number();
    if (::ioctl(tun, TUNSETSTEERINGEBPF, &number) != 0)
        return system_failure("The interface does not let us choose queues");
    return {};
}

}  // namespace tinc::io
