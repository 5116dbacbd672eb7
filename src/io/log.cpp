#include "io/log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>

#include <array>
#include <cstring>
#include <utility>

namespace tinc::io {

namespace {

/// Writes without waiting, also to a descriptor that is shared with others and therefore must not
/// be made non-blocking: a pipe that polls as writable takes PIPE_BUF bytes.
bool write_at_once(int descriptor, std::string_view text) {
    const auto sent = ::send(descriptor, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return true;
    if (errno != ENOTSOCK) return false;
    pollfd ready{.fd = descriptor, .events = POLLOUT, .revents = 0};
    if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return false;
    return ::write(descriptor, text.data(), text.size()) >= 0;
}

class StandardErrorTarget final : public LogTarget {
  public:
    bool write(Severity /*severity*/, std::string_view line) override {
        std::string text(line);
        text += '\n';
        return write_at_once(STDERR_FILENO, text);
    }
};

class FileTarget final : public LogTarget {
  public:
    FileTarget(std::string path, std::string_view ident, Descriptor file)
        : path_(std::move(path)), ident_(ident), file_(std::move(file)) {}

    static Result<Descriptor> open(const std::string& path) {
        constexpr auto flags =
            O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
        Descriptor file(::open(path.c_str(), flags, 0640));
        if (!file) return system_failure(fmt::format("Could not open log file {}", path));
        return file;
    }

    bool write(Severity /*severity*/, std::string_view line) override {
        auto text = file_line_prefix(std::time(nullptr), ident_, ::getpid());
        text += line;
        text += '\n';
        const auto count = ::write(file_.number(), text.data(), text.size());
        return count == static_cast<ssize_t>(text.size());
    }

    Result<void> reopen() override {
        TINC_TRY(auto file, open(path_));
        file_ = std::move(file);
        return {};
    }

  private:
    std::string path_;
    std::string ident_;
    Descriptor file_;
};

/// Speaks to the log daemon's socket itself: syslog(3) waits while that daemon is stuck.
class SyslogTarget final : public LogTarget {
  public:
    explicit SyslogTarget(std::string_view ident) : ident_(ident) { connect(); }

    bool write(Severity severity, std::string_view line) override {
        const auto text = datagram(severity, line);
        if (send(text)) return true;
        const bool is_stuck = errno == EAGAIN || errno == ENOBUFS;
        if (is_stuck) return false;
        connect();  // the log daemon was started anew, perhaps
        return send(text) || write_to_console(line);
    }

  private:
    [[nodiscard]] bool send(std::string_view text) const {
        return ::send(socket_.number(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
    }

    void connect() {
        socket_ = Descriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        constexpr std::string_view path = "/dev/log";
        path.copy(address.sun_path, path.size());
        const auto* generic = reinterpret_cast<const sockaddr*>(&address);
        if (::connect(socket_.number(), generic, sizeof address) != 0) socket_.close();
    }

    [[nodiscard]] std::string datagram(Severity severity, std::string_view line) const {
        const auto priority = LOG_DAEMON | static_cast<int>(severity);
        const auto time = std::time(nullptr);
        std::tm local{};
        ::localtime_r(&time, &local);
        // The C locale, as syslog(3) has it: "Oct  9 22:33:20".
        constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        const auto* month = months.at(static_cast<std::size_t>(local.tm_mon));
        return fmt::format("<{}>{} {:2} {:02}:{:02}:{:02} {}[{}]: {}", priority, month,
                           local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, ident_,
                           ::getpid(), line);
    }

    [[nodiscard]] bool write_to_console(std::string_view line) const {
        const Descriptor console(
            ::open("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
        if (!console) return false;
        const auto text = fmt::format("{}[{}]: {}\r\n", ident_, ::getpid(), line);
        return ::write(console.number(), text.data(), text.size()) >= 0;
    }

    std::string ident_;
    Descriptor socket_;
};

std::string printable(std::string_view line) {
    std::string text(line.substr(0, log_line_bytes));
    for (auto& c : text) {
        const auto code = static_cast<unsigned char>(c);
        if ((code < 0x20 && c != '\t') || code == 0x7f) c = '?';
    }
    return text;
}

}  // namespace

std::unique_ptr<LogTarget> standard_error_target() {
    return std::make_unique<StandardErrorTarget>();
}

Result<std::unique_ptr<LogTarget>> file_target(const std::string& path, std::string_view ident) {
    TINC_TRY(auto file, FileTarget::open(path));
    return std::make_unique<FileTarget>(path, ident, std::move(file));
}

std::unique_ptr<LogTarget> syslog_target(std::string_view ident) {
    return std::make_unique<SyslogTarget>(ident);
}

std::string file_line_prefix(std::time_t time, std::string_view ident, long pid) {
    std::tm local{};
    ::localtime_r(&time, &local);
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} {}[{}]: ", local.tm_year + 1900,
                       local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
                       ident, pid);
}

void Log::write(Severity severity, std::string_view line) {
    if (dropped_lines_ > 0) {
        const auto notice = fmt::format("{} log messages were dropped", dropped_lines_);
        if (target_->write(Severity::warning, notice)) dropped_lines_ = 0;
    }
    const auto text = editor_ != nullptr ? editor_->edited(line) : std::string(line);
    if (!target_->write(severity, printable(text))) ++dropped_lines_;
}

void Log::reopen() {
    if (auto result = target_->reopen(); !result)
        print(Level::always, Severity::error, "{}", result.error().what);
}

}  // namespace tinc::io
