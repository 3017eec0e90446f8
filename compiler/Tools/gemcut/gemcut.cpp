//===- gemcut.cpp - The compiler ------------------------------------------===//

#include "compiler/Driver/Commands.h"

int main(int argc, char **argv) {
  return gemcut::driver::runCommandLine(argc, argv);
}
