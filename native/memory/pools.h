// The two ways in which the allocator keeps freed memory for the next request. Neither is thread safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

namespace locallearn {

constexpr size_t kAlignment = 64;

// A piece of memory, in use or kept.
struct Block {
  char* data;
  size_t bytes;
  size_t requested = 0;     // of `bytes`, by its user
  Block* next = nullptr;    // of a size class: the next one kept
  uint64_t kept_since = 0;  // of the large ones: 0 while in use
};

// A block of its own, which ends where a page begins that may not be touched: for tests of what reads or writes beyond
// a tensor. Null where there is no memory.
std::unique_ptr<Block> guarded_block(size_t bytes);
void free_guarded(std::unique_ptr<Block> block);

// Small blocks by size class: multiples of 64 bytes up to 1 KiB, of 512 up to 8 KiB, then eight classes to each
// doubling, so that at most an eighth is lost.
class ClassPool {
 public:
  static constexpr size_t kLimit = size_t{1} << 20;  // for sizes below

  // A kept block of the size's class or, as a little waste is cheaper than new memory, up to a quarter larger; null
  // for none.
  Block* find(size_t bytes);
  // A block from the system; null where there is none.
  Block* add(size_t bytes);
  void keep(Block* block);
  // Gives all that is kept to the system; returns how much.
  size_t release();

 private:
  static constexpr size_t kClasses = 14 + 16 + 7 * 8;
  static size_t class_of(size_t bytes);
  static size_t class_bytes(size_t index);

  std::array<Block*, kClasses> kept_{};
};

// Large blocks: one growing range of memory, as far as the system lets it be one, cut into blocks as needed and
// joined again where neighbours are free. So what one layer's maps leave serves the differently sized ones of the
// next, and the range grows by no more than what is missing at its end.
class SegmentPool {
 public:
  // The smallest kept block that is large enough, cut to size; among equals the last one freed, which may still be
  // in a processor's cache. Null for none.
  Block* find(size_t bytes);
  void keep(Block* block);
  // Takes memory from the system, so that `find` will find `bytes`; returns how much, 0 where there is none.
  size_t grow(size_t bytes);
  // Gives all that is kept to the system; returns how much.
  size_t release();

 private:
  using Key = std::pair<size_t, uint64_t>;
  using ByAddress = std::map<char*, std::unique_ptr<Block>>;

  static Key key_of(const Block& block) { return {block.bytes, ~block.kept_since}; }
  bool joins(ByAddress::iterator block, ByAddress::iterator next) const;
  void keep(ByAddress::iterator block);

  ByAddress blocks_;
  std::map<Key, Block*> kept_;
  uint64_t clock_ = 0;
};

}  // namespace locallearn
