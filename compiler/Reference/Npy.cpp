//===- Npy.cpp - NumPy's array file ---------------------------------------===//

#include "compiler/Reference/Npy.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/raw_ostream.h"

using namespace gemcut;

llvm::Error reference::writeNpy(artifact::OutputFile &file,
                                llvm::ArrayRef<int64_t> shape,
                                llvm::ArrayRef<float> values) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
  for (size_t i = 0; i < shape.size(); ++i)
    header += (i ? ", " : "") + std::to_string(shape[i]);
  header += shape.size() == 1 ? ",), }" : "), }";
  // Magic, version and header length are 10 bytes; data starts at 64.
  while ((10 + header.size() + 1) % 64)
    header += ' ';
  header += '\n';

  llvm::raw_fd_ostream os(file.descriptor(), /*shouldClose=*/false);
  os << "\x93NUMPY" << '\x01' << '\x00' << char(header.size() & 0xFF)
     << char(header.size() >> 8) << header;
  for (float value : values) {
    char bytes[4];
    llvm::support::endian::write32le(bytes, llvm::bit_cast<uint32_t>(value));
    os.write(bytes, 4);
  }
  os.flush();
  if (std::error_code error = os.error()) {
    os.clear_error();
    return llvm::createStringError(error, "cannot write '%s': %s",
                                   file.path().str().c_str(),
                                   error.message().c_str());
  }
  return file.commit(0644);
}
