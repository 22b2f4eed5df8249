// widecheck: the independent checker. It shares no code with the library or the provers and needs
// GMP, a JSON reader, zlib and SHA-256 only. FORMAT.md beside this file is its specification.
#include <gmp.h>
#include <openssl/opensslv.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <new>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "audit.h"
#include "kernel/digest.h"
#include "kernel/file.h"
#include "kernel/rule.h"
#include "kernel/verdict.h"
#include "rules/topics.h"

namespace {

using namespace widecheck;
using nlohmann::json;

constexpr int kProved = 0, kUsage = 2, kRecomputed = 3, kMalformed = 4, kRejected = 5, kInternal = 70;

constexpr std::size_t kMostCharacters = std::size_t{1} << 26;

constexpr const char* kHelp =
    "Usage: widecheck [OPTIONS] CLAIM.claim.json [CERTIFICATE.cert.json]\n"
    "       widecheck [OPTIONS] PACK.zip\n"
    "\n"
    "Verifies every claim of a claim file with the certificate beside it (or the one given).\n"
    "Data files named in the claim are found relative to the claim file. A pack, written by\n"
    "widecert pack, holds all of them: nothing outside it is read.\n"
    "\n"
    "Options:\n"
    "  --json           one JSON object on standard output instead of text\n"
    "  --unconditional  reject what holds only up to an error probability\n"
    "  --memory GIB     limit on memory (default 4)\n"
    "  --seconds S      limit on processor time (default 3600)\n"
    "  --work K         limit on estimated work: K times 10^12 products, some 10 minutes each (default 1)\n"
    "  --confine        refuse data files outside the folder of the claim, whatever links lead there\n"
    "  --help           this text\n"
    "  --version        the version of the format that is checked\n"
    "\n"
    "Exit status: 0 every claim proved (and there is at least one); 2 usage; 3 a claim was only recomputed, which\n"
    "proves nothing; 4 a file is malformed, missing or takes too much time; 5 the certificate is rejected; 70 internal "
    "error.\n";

// What is said when time or memory is over: ready before, since a signal may come in the middle of anything, and GMP
// cannot report that it got no memory, but would abort.
std::atomic<const std::string*> late_words, full_words;

[[noreturn]] void say_and_exit(const std::string* text, int code) {
  for (std::size_t done = 0; text != nullptr && done < text->size();) {
    const ssize_t written = write(STDOUT_FILENO, text->data() + done, text->size() - done);
    if (written <= 0) std::_Exit(kInternal);
    done += static_cast<std::size_t>(written);
  }
  std::_Exit(code);
}
extern "C" void out_of_time(int) { say_and_exit(late_words.load(), kMalformed); }
[[noreturn]] void out_of_memory() { say_and_exit(full_words.load(), kInternal); }
void* gmp_allocate(std::size_t size) {
  void* block = std::malloc(size);
  if (block == nullptr) out_of_memory();
  return block;
}
void* gmp_reallocate(void* old, std::size_t, std::size_t size) {
  void* block = std::realloc(old, size);
  if (block == nullptr) out_of_memory();
  return block;
}
void gmp_free(void* block, std::size_t) { std::free(block); }

void limit_memory(double gibibytes) {
  mp_set_memory_functions(gmp_allocate, gmp_reallocate, gmp_free);
#ifndef __SANITIZE_ADDRESS__  // which reserves terabytes of address space
  const auto bytes = static_cast<rlim_t>(gibibytes * 1024 * 1024 * 1024);
  const rlimit limit{bytes, bytes};
  setrlimit(RLIMIT_AS, &limit);
#else
  static_cast<void>(gibibytes);
#endif
}

// What a file says may not forge lines of the report: control characters, those that turn or hide the text around them,
// and bytes that are no UTF-8 are shown as '?'.
std::string printable(const std::string& text) {
  std::string shown;
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[at + k]); };
    const std::size_t length = byte(0) < 0x80 ? 1 : byte(0) >> 5 == 6 ? 2 : byte(0) >> 4 == 14 ? 3 : 0;
    bool whole = length != 0 && at + length <= text.size();
    unsigned code = length == 1 ? byte(0) : byte(0) & (0xffu >> (length + 1));
    for (std::size_t k = 1; whole && k < length; ++k) {
      whole = byte(k) >> 6 == 2;
      code = code << 6 | (byte(k) & 0x3f);
    }
    const auto within = [&](unsigned low, unsigned high) { return low <= code && code <= high; };
    // Latin, Greek, Cyrillic, kana, Han and Hangul; no marks that combine, nothing that is written from right to left.
    const bool visible = within(0x20, 0x7e) || (length == 2 && within(0xa1, 0x2ff) && code != 0xad) ||
                         (length == 2 && within(0x370, 0x52f) && code != 0x37e) ||
                         (length == 3 && (within(0x1e00, 0x1fff) || within(0x3041, 0x3096) || within(0x30a1, 0x30fa) ||
                                          within(0x4e00, 0x9fff) || within(0xac00, 0xd7a3)));
    if (!whole || !visible) {
      shown += '?';
      ++at;
      continue;
    }
    shown += text.substr(at, length);
    at += length;
  }
  return shown;
}

long peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

std::string trusted_base() {
  return std::string("widecheck's source, the C++ compiler, GMP ") + gmp_version + ", zlib " + zlibVersion() +
         ", SHA-256 of OpenSSL " + OPENSSL_VERSION_STR + ", the JSON reader nlohmann " +
         std::to_string(NLOHMANN_JSON_VERSION_MAJOR) + "." + std::to_string(NLOHMANN_JSON_VERSION_MINOR);
}

struct Options {
  bool unconditional = false, confine = false;
  unsigned work = 1;  // the budget, times 10^12 products
};

struct Line {
  std::string verdict, rule, text, reason;
  unsigned error_bits = 0;  // 0: unconditional
};

struct Report {
  std::string claim_digest, data;
  std::set<std::string> tensors;     // that files hold
  std::vector<const Topic*> topics;  // whose rules said something
  std::vector<Line> lines;
  std::size_t characters = 0;  // of all lines
  int exit = kProved;
  std::string reason, message;  // of a file that is malformed as a whole
};

std::string with_commas(std::size_t n) {
  std::string text = std::to_string(n);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string digest_of(const std::string& bytes) {
  Sha256 hash;
  hash.update(bytes);
  return to_hex(hash.finish());
}

// The two files, and where those are that the claim names.
struct Files {
  std::string claim_path, certificate_path, claim, certificate;
  Source source;
};

Files read_files(const std::vector<std::string>& paths, const Options& options) {
  if (paths.size() == 1) {
    const std::string& pack = paths[0];
    return {pack + "[claim.json]",
            pack + "[certificate.json]",
            read_member(pack, "claim.json"),
            read_member(pack, "certificate.json"),
            {"", pack}};
  }
  const std::string parent = std::filesystem::path(paths[0]).parent_path().string();
  Files files{paths[0], paths[1], read_file(paths[0]), read_file(paths[1]), {parent.empty() ? "." : parent, ""}};
  // The two files are the user's choice, what they name is not.
  if (options.confine) confine(files.source.folder);
  return files;
}

Report run(const std::vector<std::string>& paths, const Options& options) {
  Report report;
  const Files files = read_files(paths, options);
  report.claim_digest = digest_of(files.claim);
  const json claim_json = parse(files.claim, files.claim_path);
  const json certificate_json = parse(files.certificate, files.certificate_path);
  const auto source = std::make_shared<const Source>(files.source);
  Value claim(claim_json, "claim", source), certificate(certificate_json, "certificate", source);
  if (claim.at("format").text() != "widecert-claim") claim.at("format").bad("\"widecert-claim\"");
  if (claim.at("version").number(1'000'000) != 1) claim.at("version").bad("version 1");
  if (certificate.at("format").text() != "widecert-certificate")
    certificate.at("format").bad("\"widecert-certificate\"");
  if (certificate.at("version").number(1'000'000) != 1) certificate.at("version").bad("version 1");
  const std::string bound = certificate.at("claim_sha256").text();

  Budget budget(options.work);
  const Network network(claim.at("network"), budget);
  claim.at("network").require_all_asked();
  Data data = claim.has("data") ? Data(claim.at("data"), network.node(0).shape, budget) : Data();
  report.data = data.description();
  const auto claims = claim.at("claims").list();
  const auto proofs = certificate.at("proofs").list();
  claim.require_all_asked({"claims"});  // each claim and its proof when they are checked
  certificate.require_all_asked({"proofs"});
  if (claims.empty()) throw Malformed("no-claims", files.claim_path + ": the file claims nothing");
  require(bound == report.claim_digest, "other-claim",
          "the certificate was made for another claim (SHA-256 " + bound.substr(0, 64) + ")");
  require(proofs.size() == claims.size(), "proofs",
          std::to_string(claims.size()) + " claims and " + std::to_string(proofs.size()) + " proofs");
  data.verify();
  std::set<const Topic*> used;
  const Context context{network, data, budget, &used};
  for (std::size_t k = 0; k < claims.size(); ++k) {
    Line line;
    try {
      const Question question{context, claims[k].at("kind").text(), proofs[k].at("rule").text(), claims[k], proofs[k]};
      line.rule = question.rule;  // before anything can be rejected
      const Verdict verdict = topics::answer(question);
      line.text = verdict.sentence;
      line.error_bits = verdict.error_bits;
      line.verdict = verdict.recomputed ? "RECOMPUTED" : "PROVED";
      if (verdict.recomputed && report.exit == kProved) report.exit = kRecomputed;
      if (options.unconditional && verdict.error_bits != 0) {
        throw Rejected("not-unconditional", "proved up to an error of 2^-" + std::to_string(verdict.error_bits) +
                                                " in the random-oracle model; --unconditional asks for more");
      }
    } catch (const Rejected& rejected) {
      line = {"REJECTED", line.rule, claims[k].place() + ": " + rejected.what(), rejected.reason, 0};
      report.exit = kRejected;
    }
    report.characters += line.text.size();
    if (report.characters > kMostCharacters)
      throw Malformed("too-large", "what these claims say takes more than 2^26 characters; refused");
    report.lines.push_back(std::move(line));
  }
  for (const Topic* topic : topics::all)
    if (used.contains(topic)) report.topics.push_back(topic);
  for (const Value& document : {claim, certificate})
    report.tensors.insert(document.noted().begin(), document.noted().end());
  return report;
}

// Over all lines: what the verdict rests on besides the trusted base.
std::string grade(const Report& report) {
  unsigned least = 0;
  for (const Line& line : report.lines)
    if (line.error_bits != 0) least = least == 0 ? line.error_bits : std::min(least, line.error_bits);
  if (report.exit == kRecomputed) return "recomputed: some line is not proved";
  if (report.exit != kProved) return "none: not everything that is claimed is proved";
  if (least == 0) return "unconditional (no probability, no assumption on SHA-256 beyond naming files)";
  return "proved up to an error of at most 2^-" + std::to_string(least) +
         " for each line marked so, in the random-oracle model of SHA-256 with 2^64 queries";
}

void print_text(std::ostream& out, const Report& report) {
  for (const Line& line : report.lines) {
    out << line.verdict << "  " << printable(line.text);
    if (line.verdict != "REJECTED") {
      out << "  [rule " << printable(line.rule) << "]";
      if (line.error_bits != 0) out << "  [error <= 2^-" << line.error_bits << "]";
      out << "\n";
    } else {
      out << "  [reason: " << line.reason << "]\n";
    }
  }
  if (!report.message.empty()) {
    out << (report.exit == kRejected    ? "REJECTED"
            : report.exit == kMalformed ? "MALFORMED"
                                        : "FAILED")
        << "  " << printable(report.message) << "  [reason: " << report.reason << "]\n";
  }
  if (!report.claim_digest.empty()) out << "claim file SHA-256: " << report.claim_digest << "\n";

  if (!report.data.empty()) out << "data: " << printable(report.data) << "\n";
  for (const std::string& tensor : report.tensors) out << "tensor: " << printable(tensor) << "\n";
  out << "grade: " << grade(report) << "\n"
      << "trusted base: " << trusted_base() << "\n";
  for (const Topic* topic : report.topics) {
    const char* before = "to audit: ";
    for (const AuditPart& part : to_audit(*topic)) {
      out << before << part.name << " " << with_commas(part.lines) << (before[0] == 't' ? " lines" : "");
      before = ", ";
    }
    out << "\n";
  }
  out << "peak memory: " << peak_megabytes() << " MB\n";
}

void print_json(std::ostream& out, const Report& report) {
  json lines = json::array();
  for (const Line& line : report.lines) {
    json entry{{"verdict", line.verdict}, {"rule", line.rule}, {"text", line.text}};
    if (!line.reason.empty()) entry["reason"] = line.reason;
    if (line.error_bits != 0) entry["error_bits"] = line.error_bits;
    lines.push_back(entry);
  }
  json audit = json::array();
  for (const Topic* topic : report.topics) {
    json parts{{"topic", topic->name}};
    for (const AuditPart& part : to_audit(*topic)) parts["lines"][part.name] = part.lines;
    audit.push_back(parts);
  }
  json all{{"claims", lines},
           {"audit", audit},
           {"claim_sha256", report.claim_digest},
           {"data", report.data},
           {"tensors", report.tensors},
           {"proved", report.exit == kProved},
           {"grade", grade(report)},
           {"trusted_base", trusted_base()},
           {"peak_memory_mb", peak_megabytes()},
           {"exit", report.exit}};
  if (!report.message.empty()) {
    all["message"] = report.message;
    all["reason"] = report.reason;
  }
  out << all.dump(1, ' ', false, json::error_handler_t::replace) << "\n";
}

// ---- limits of time and memory ----

std::string in_words(const Report& report, bool as_json) {
  std::ostringstream out;
  out.exceptions(std::ios::badbit);  // memory may end here, too
  as_json ? print_json(out, report) : print_text(out, report);
  return out.str();
}

// The report of a run that memory ended.
void without_memory(Report& report) {
  report.lines.clear();
  report.exit = kInternal;
  report.reason = "memory";
  report.message = "out of memory; nothing is decided (--memory raises the limit)";
}

// Processor time, of this process and all that GMP does in it. A smaller limit that is in force stays.
void limit_time(rlim_t seconds, bool as_json) {
  rlimit limit{};
  getrlimit(RLIMIT_CPU, &limit);
  seconds = std::min({seconds, limit.rlim_cur, std::max<rlim_t>(limit.rlim_max - 1, 1)});  // the hard limit kills
  Report late;
  late.exit = kMalformed;
  late.reason = "time";
  late.message = "checking takes more than " + std::to_string(seconds) +
                 " seconds of processor time; nothing is decided (--seconds raises the limit)";
  static const std::string text = in_words(late, as_json);
  late_words = &text;
  std::signal(SIGXCPU, out_of_time);
  limit.rlim_cur = seconds;
  setrlimit(RLIMIT_CPU, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> files;
  bool as_json = false;
  double memory = 4, seconds = 3600;
  Options options;
  for (int a = 1; a < argc; ++a) {
    const std::string argument = argv[a];
    if (argument == "--help" || argument == "-h") {
      std::cout << kHelp;
      return 0;
    }
    if (argument == "--version") {
      std::cout << "widecheck, format version 1\n";
      return 0;
    }
    if (argument == "--json") {
      as_json = true;
    } else if (argument == "--unconditional") {
      options.unconditional = true;
    } else if (argument == "--confine") {
      options.confine = true;
    } else if (argument == "--memory") {
      memory = a + 1 < argc ? std::atof(argv[++a]) : 0;
      if (!(memory >= 0.1 && memory <= 1e6)) {
        std::cerr << "widecheck: --memory takes a number of GiB, from 0.1 to 10^6\n";
        return kUsage;
      }
    } else if (argument == "--work") {
      const std::string given = a + 1 < argc ? argv[++a] : "";
      const bool whole = given.size() < 6 && given.find_first_not_of("0123456789") == std::string::npos;
      const long work = whole ? std::atol(given.c_str()) : 0;
      if (work < 1 || work > 10'000) {
        std::cerr << "widecheck: --work takes a whole number from 1 to 10000\n";
        return kUsage;
      }
      options.work = static_cast<unsigned>(work);
    } else if (argument == "--seconds") {
      seconds = a + 1 < argc ? std::atof(argv[++a]) : 0;
      if (!(seconds >= 1 && seconds <= 1e9)) {
        std::cerr << "widecheck: --seconds takes a number of seconds, from 1 to 10^9\n";
        return kUsage;
      }
    } else if (!argument.empty() && argument[0] == '-') {
      std::cerr << "widecheck: unknown option " << argument << "\n" << kHelp;
      return kUsage;
    } else {
      files.push_back(argument);
    }
  }
  const std::string suffix = ".claim.json";
  if (files.size() == 1 && files[0].ends_with(suffix))
    files.push_back(files[0].substr(0, files[0].size() - suffix.size()) + ".cert.json");
  if (files.size() != 2 && !(files.size() == 1 && files[0].ends_with(".zip"))) {
    if (files.size() == 1)
      std::cerr << "widecheck: " << files[0]
                << ": expected NAME.claim.json, a claim and a certificate, or a pack NAME.zip\n";
    std::cerr << kHelp;
    return kUsage;
  }
  Report full;
  without_memory(full);
  static const std::string full_text = in_words(full, as_json);
  full_words = &full_text;
  limit_memory(memory);
  limit_time(static_cast<rlim_t>(seconds), as_json);
  Report report;
  try {
    report = run(files, options);
  } catch (const Malformed& malformed) {
    report.exit = kMalformed;
    report.reason = malformed.reason;
    report.message = malformed.what();
  } catch (const Rejected& rejected) {
    report.exit = kRejected;
    report.reason = rejected.reason;
    report.message = rejected.what();
  } catch (const std::bad_alloc&) {
    without_memory(report);
  } catch (const std::exception& error) {
    report.exit = kInternal;
    report.reason = "internal";
    report.message = std::string("internal error: ") + error.what();
  }
  std::signal(SIGXCPU, SIG_IGN);  // one answer
  std::string answer;
  try {
    answer = in_words(report, as_json);
  } catch (const std::exception&) {
    without_memory(report);
    answer = in_words(report, as_json);
  }
  std::cout << answer << std::flush;
  // A verdict that nobody could read is none.
  return std::cout ? report.exit : kInternal;
}
