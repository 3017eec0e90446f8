//===- main.cpp - Entry of a produced executable --------------------------===//

#include "runtime/cli/app.h"

int main(int argc, char **argv) { return gemcut::cli::runMain(argc, argv); }
