#include "png_writer.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csetjmp>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace render {
namespace {

// libpng is C: it leaves a call that fails by longjmp, which must not pass an object with a destructor. So every
// function that says setjmp has none of its own.
void remember(png_structp png, png_const_charp reason) {
  *static_cast<std::string*>(png_get_error_ptr(png)) = reason;
  png_longjmp(png, 1);
}

void ignore(png_structp, png_const_charp) {}

bool try_begin(png_structp png, png_infop info, std::FILE* file, std::uint32_t width, std::uint32_t height) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  // PNG's own limit is higher than what libpng takes unless it is told.
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_init_io(png, file);
  png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  // The host compresses while its workers compute: it must not be what they wait for.
  png_set_compression_level(png, 1);
  png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB);
  png_write_info(png, info);
  return true;
}

bool try_write_row(png_structp png, const std::byte* row) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_write_row(png, reinterpret_cast<png_const_bytep>(row));
  return true;
}

bool try_end(png_structp png) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_write_end(png, nullptr);
  return true;
}

}  // namespace

PngWriter::PngWriter(const std::string& path, std::uint32_t width, std::uint32_t height)
    : path_(path), row_bytes_(std::size_t{3} * width), file_(std::fopen(path.c_str(), "wbe")) {
  if (file_ == nullptr) throw std::system_error(errno, std::generic_category(), "cannot write \"" + path_ + "\"");
  try {
    png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, &reason_, &remember, &ignore);
    if (png_ == nullptr) throw std::bad_alloc();
    info_ = png_create_info_struct(png_);
    if (info_ == nullptr) throw std::bad_alloc();
    if (!try_begin(png_, info_, file_, width, height)) fail();
  } catch (...) {
    close();
    throw;
  }
}

PngWriter::~PngWriter() { close(); }

void PngWriter::write_rows(std::span<const std::byte> pixels) {
  for (; !pixels.empty(); pixels = pixels.subspan(row_bytes_)) {
    if (!try_write_row(png_, pixels.data())) fail();
  }
}

void PngWriter::finish() {
  if (!try_end(png_)) fail();
  // What is still in the stream's buffer may be what does not fit on the disk.
  if (std::fflush(file_) != 0) fail();
  std::FILE* const file = std::exchange(file_, nullptr);
  if (std::fclose(file) != 0) fail();
}

void PngWriter::fail() const {
  const int error_number = errno;
  if (file_ == nullptr || std::ferror(file_) != 0) {
    throw std::system_error(error_number, std::generic_category(), "cannot write \"" + path_ + "\"");
  }
  throw std::runtime_error("cannot write \"" + path_ + "\": libpng says \"" + reason_ + "\"");
}

void PngWriter::close() noexcept {
  png_destroy_write_struct(&png_, &info_);
  if (file_ == nullptr) return;
  // A device is left where it is.
  struct stat status {};
  if (::fstat(::fileno(file_), &status) == 0 && S_ISREG(status.st_mode)) ::unlink(path_.c_str());
  std::fclose(std::exchange(file_, nullptr));
}

}  // namespace render
