//===- Unsupported.cpp - Valid input that is not supported ----------------===//

#include "frontends/Json/Unsupported.h"

char gemcut::UnsupportedError::ID = 0;
