#include "quads.h"

namespace locallearn {
namespace {

// Transformed rows that are in use together, in all planes: they stay in the first two levels of cache.
constexpr int64_t kStripBytes = 48 << 10;
// But so many quads at least: the filter is read for each strip, and is the larger where channels are many.
constexpr int64_t kStripQuads = 16;
// As many quads are multiplied at once for the filter's gradient, of several images where these are small: its sums are
// read and written for each of them.
constexpr int64_t kGradientQuads = 64;

int squared(int planes) { return planes * planes; }
int64_t halves(int64_t count) { return (count + 1) / 2; }

// What the transforms of quad_transforms.h are multiplied for.
const QuadScheme dense{&Tiles::dense, &PairTiles::dense, {0, 1, 2, 3}, {0, 1, 2, 3}};
const QuadScheme strided{&Tiles::strided, &PairTiles::strided, {0, 1, 2, 3, 4}, {0, 1, 2, 0, 2}};
const QuadScheme spread{&Tiles::spread, &PairTiles::spread, {0, 1, 2, 3, 1}, {0, 1, 2, 3, 4}};

}  // namespace

const QuadScheme& forward_quads(int64_t stride) { return stride == 1 ? dense : strided; }
const QuadScheme& backward_quads(int64_t stride) { return stride == 1 ? dense : spread; }

// Planes would lie in the same lines of the cache, were there nothing between them.
QuadPlanes::QuadPlanes(int64_t planes, int64_t rows, int64_t places, int64_t step, bool whole)
    : places_(places),
      step_(step),
      plane_(rows * places * step + 5 * kWide),
      data_(at::empty({planes * plane_}, at::kFloat)),
      first_(data_.data_ptr<float>()) {
  // What whole tiles and cells read and nobody writes: of tiles any number would do, but those near zero are slow.
  if (!whole) data_.zero_();
}

void QuadPlanes::read_inputs(ReadInputs read, const QuadSizes& sizes, const ImageView& x, int64_t row, int64_t column,
                             int64_t quads, int64_t to, int64_t rows) {
  if (zeros_.empty()) zeros_.resize(x.width * x.channels);
  const float* from[kMostQuadReads];
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < sizes.reads; j++) {
      const int64_t at = row + sizes.step * i + j;
      from[j] = at >= 0 && at < x.height ? x.at(at, 0) : zeros_.data();
    }
    read(from, x.width, column, quads, x.channels, first_ + (to + i) * places_ * step_, plane_);
  }
}

void QuadPlanes::read_gradients(ReadGradients read, const ImageView& d, int64_t row, int64_t quads, int64_t to,
                                int64_t rows) {
  for (int64_t i = 0; i < rows; i++) {
    const float* const from[] = {d.at(row + 2 * i, 0), d.at(row + 2 * i + 1, 0)};
    read(from, quads, d.channels, first_ + (to + i) * places_ * step_, step_, plane_);
  }
}

void QuadPlanes::write_results(const QuadLoops& loops, int64_t rows, int64_t height, int64_t width, int64_t channels,
                               float* y) const {
  const int64_t writes = loops.sizes.writes;
  float* to[kMostQuadWrites];
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < writes; j++)
      to[j] = writes * i + j < height ? y + (writes * i + j) * width * channels : nullptr;
    loops.results(first_ + i * places_ * step_, step_, plane_, width, channels, to);
  }
}

QuadFilter::QuadFilter(const QuadScheme& scheme, const PairTiles* pairs, int64_t in, int64_t out, const float* bias,
                       const float* filter)
    : loops_(tiles()->*scheme.loops),
      tiles_(pairs ? pairs->products : tiles()->products),
      pairs_(pairs),
      read_(pairs ? (pairs->*scheme.paired).inputs : loops_.inputs),
      in_(in),
      cells_(pairs ? halves(in) : in),
      out_(out) {
  const QuadSizes& sizes = loops_.sizes;
  const int terms = squared(sizes.terms);
  blocks_ = blocks_of(out, terms * cells_);
  lanes_ = blocks_.back().first + blocks_.back().lanes;
  data_ = at::empty({(terms * cells_ + 2) * lanes_}, at::kFloat);
  float* const to = data_.data_ptr<float>();
  float* const zeros = to + terms * cells_ * lanes_;
  float* const start = zeros + lanes_;
  std::fill_n(zeros, 2 * lanes_, 0.f);
  if (bias) std::copy_n(bias, out, start);

  // In each block lie the terms of one product behind those of another.
  QuadTerms places;
  int64_t place = 0;
  products_.reserve(squared(sizes.results));
  for (int row = 0; row < sizes.results; row++)
    for (int column = 0; column < sizes.results; column++) {
      // A bias in the middle reaches all results; the inputs' gradient, where it would not, has none.
      Product product{0, {}, place, row == 1 && column == 1 ? start : zeros};
      for (int i = 0; i < sizes.terms; i++)
        for (int j = 0; j < sizes.terms; j++) {
          if (scheme.results[i] != row || scheme.results[j] != column) continue;
          product.inputs[product.terms++] = scheme.inputs[i] * sizes.inputs + scheme.inputs[j];
          places[i * sizes.terms + j] = place++;
        }
      products_.push_back(product);
    }
  pack(filter, places, to);
}

void QuadFilter::pack(const float* filter, const QuadTerms& places, float* to) const {
  const int terms = squared(loops_.sizes.terms);
  for (const auto& block : blocks_) {
    const int64_t lanes = block.lanes;
    const auto transform = [&](int64_t input, float* made, const QuadTerms& planes) {
      loops_.filter(filter + input * out_ + block.first, in_ * out_, block.valid, lanes, made, planes.data());
    };
    QuadTerms planes;
    if (pairs_ == nullptr) {
      for (int term = 0; term < terms; term++) planes[term] = places[term] * in_ * lanes;
      for (int64_t i = 0; i < in_; i++) transform(i, to + block.offset + i * lanes, planes);
      continue;
    }
    std::vector<float> first(terms * lanes), second(terms * lanes);
    for (int term = 0; term < terms; term++) planes[term] = term * lanes;
    for (int64_t i = 0; i < in_; i += 2) {
      transform(i, first.data(), planes);
      if (i + 1 < in_) {
        transform(i + 1, second.data(), planes);
      } else {
        std::fill(second.begin(), second.end(), 0.f);
      }
      for (int term = 0; term < terms; term++)
        pairs_->pair(&first[term * lanes], &second[term * lanes], lanes,
                     to + block.offset + (places[term] * cells_ + i / 2) * lanes);
    }
  }
}

// How many rows of quads are computed at once.
Tiling QuadFilter::strips(int64_t height, int64_t width) const {
  const int64_t quads = quads_in(width);
  const int64_t bytes = squared(loops_.sizes.inputs) * quads * cells_ * static_cast<int64_t>(sizeof(float));
  return Tiling(quads_in(height), std::max(kStripBytes / bytes, (kStripQuads + quads - 1) / quads));
}

QuadFilter::Scratch QuadFilter::scratch(int64_t height, int64_t width) const {
  const int64_t quads = quads_in(width), rows = strips(height, width).size(0);
  // The other half of an odd number's last cell is nobody's.
  return {QuadPlanes(squared(loops_.sizes.inputs), rows, quads, cells_, pairs_ == nullptr || in_ % 2 == 0),
          QuadPlanes(squared(loops_.sizes.results), rows, quads, lanes_, out_ == lanes_)};
}

void QuadFilter::convolve(const ImageView& x, int64_t offset, int64_t height, int64_t width, Scratch& scratch,
                          float* y) const {
  auto& [inputs, results] = scratch;
  const float* const filter = data_.data_ptr<float>();
  const QuadSizes& sizes = loops_.sizes;
  const int64_t quads = quads_in(width);
  const Tiling tiling = strips(height, width);
  for (int64_t i = 0, first = 0; i < tiling.count; i++) {
    const int64_t rows = tiling.size(i);
    inputs.read_inputs(read_, sizes, x, sizes.step * first + offset, offset, quads, 0, rows);
    float* const to = y + sizes.writes * first * width * out_;
    // While this strip is multiplied: the rows that the next reads, of this image or of the one behind it, and the results.
    const int64_t next = std::min(sizes.step * (first + rows - 1) + sizes.reads + offset, x.height);
    Ahead next_rows(x.at(next, 0), sizes.step * rows * x.row_step, products_.size());
    Ahead written(to, sizes.writes * rows * width * out_, products_.size());
    for (size_t product = 0; product < products_.size(); product++) {
      next_rows.fetch();
      written.fetch();
      const Product& made = products_[product];
      const float* from[kMostQuadAdded];
      for (int term = 0; term < made.terms; term++) from[term] = inputs.plane(made.inputs[term]);
      // The planes of results hold whole tiles.
      for (const auto& block : blocks_)
        tiles_.of(block.lanes).product(from, made.terms, cells_, filter + block.offset + made.place * cells_ * block.lanes,
                                       made.start + block.first, rows * quads, cells_,
                                       results.plane(product) + block.first, lanes_, block.lanes);
    }
    results.write_results(loops_, rows, height - sizes.writes * first, width, out_, to);
    first += rows;
  }
}

QuadGradient::QuadGradient(const QuadScheme& scheme, const PairTiles* pairs, int64_t height, int64_t width, int64_t in,
                           int64_t out)
    : scheme_(scheme),
      loops_(tiles()->*scheme.loops),
      tiles_(pairs ? pairs->products : tiles()->products),
      read_inputs_(pairs ? (pairs->*scheme.paired).inputs_across : loops_.inputs),
      read_gradients_(pairs ? (pairs->*scheme.paired).gradients_across : loops_.gradients),
      in_(in),
      out_(out),
      lanes_(lanes_for(out)),
      rows_((height + 1) / 2),
      quads_((width + 1) / 2),
      places_(pairs ? halves(quads_) : quads_),
      strip_((kGradientQuads + quads_ - 1) / quads_),
      blocks_(blocks_of(out, 0)) {}

QuadGradient::Scratch QuadGradient::scratch() const {
  const QuadSizes& sizes = loops_.sizes;
  return {QuadPlanes(squared(sizes.inputs), strip_, places_, in_, true),
          QuadPlanes(squared(sizes.results), strip_, places_, lanes_, out_ == lanes_),
          at::zeros({squared(sizes.terms), in_, lanes_}, at::kFloat), 0};
}

void QuadGradient::add(const ImageView& x, int64_t offset, const ImageView& d, Scratch& scratch) const {
  const QuadSizes& sizes = loops_.sizes;
  for (int64_t first = 0; first < rows_;) {
    const int64_t rows = std::min(strip_ - scratch.filled, rows_ - first);
    scratch.inputs.read_inputs(read_inputs_, sizes, x, sizes.step * first + offset, offset, quads_, scratch.filled, rows);
    scratch.gradients.read_gradients(read_gradients_, d, 2 * first, quads_, scratch.filled, rows);
    scratch.filled += rows;
    first += rows;
    if (scratch.filled < strip_) continue;
    // While these are multiplied: the rows of x that come next, of this image or of the one behind it.
    const int64_t next = std::min(sizes.step * (first - 1) + sizes.reads + offset, x.height);
    finish(scratch, {x.at(next, 0), sizes.step * strip_ * x.row_step, squared(sizes.terms)});
  }
}

void QuadGradient::finish(Scratch& scratch, Ahead ahead) const {
  const QuadSizes& sizes = loops_.sizes;
  const int64_t places = scratch.filled * places_;
  scratch.filled = 0;
  if (places == 0) return;
  float* sums = scratch.sums.data_ptr<float>();
  for (int i = 0; i < sizes.terms; i++)
    for (int j = 0; j < sizes.terms; j++, sums += in_ * lanes_) {
      ahead.fetch();
      const float* const x = scratch.inputs.plane(scheme_.inputs[i] * sizes.inputs + scheme_.inputs[j]);
      const float* const d = scratch.gradients.plane(scheme_.results[i] * sizes.results + scheme_.results[j]);
      add_products(tiles_, blocks_, {x, 0, in_}, in_, {d, 0, lanes_}, 1, places, sums, lanes_);
    }
}

at::Tensor QuadGradient::gradient(const std::vector<const Scratch*>& threads) const {
  const at::Tensor gradient = at::empty({3, 3, in_, out_}, at::kFloat);
  const float* const from = sums_of(threads).data_ptr<float>();
  float* const to = gradient.data_ptr<float>();
  for (int64_t i = 0; i < in_; i++)
    loops_.taps(from + i * lanes_, in_ * lanes_, out_, to + i * out_, in_ * out_);
  return gradient;
}

}  // namespace locallearn
