#include "targets/Common/StageEmitter.h"
