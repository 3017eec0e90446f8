/* A chat template as a program for a stack machine: written by
 * frontends/ChatTemplate when a model is compiled, run by runtime/text. All integers
 * are little-endian and unaligned; offsets count from the header.
 *
 * The machine has a stack of values, a stack of texts being written (the last one
 * receives output), and variables in scopes. A variable is looked up from the
 * innermost scope of the running macro outwards, then among those of the template's
 * outermost scope, then among those that the caller gave; otherwise it is undefined.
 * It is always set in the innermost scope, as Jinja does.
 */
#ifndef GEMCUT_RUNTIME_ABI_CHAT_PROGRAM_H
#define GEMCUT_RUNTIME_ABI_CHAT_PROGRAM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GEMCUT_CHAT_MAGIC "GMCCHAT\n" /* 8 bytes, no terminator stored */
#define GEMCUT_CHAT_VERSION 1

typedef struct gemcut_chat_header {
  char magic[8];
  uint32_t version;
  uint32_t length; /* of header and all that follows */
  uint32_t string_count;
  uint32_t strings;      /* offset of uint32 [string_count + 1] into the bytes */
  uint32_t string_bytes; /* offset; UTF-8 */
  uint32_t macro_count;
  uint32_t macros; /* offset of gemcut_chat_macro [macro_count] */
  uint32_t parameter_count;
  uint32_t parameters; /* offset of uint32 [parameter_count]: strings */
  uint32_t line_count;
  uint32_t lines; /* offset of gemcut_chat_line [line_count], ascending */
  uint32_t code;  /* offset */
  uint32_t code_length;
} gemcut_chat_header;

typedef struct gemcut_chat_macro {
  uint32_t name;            /* string */
  uint32_t code;            /* where its body begins */
  uint32_t first_parameter; /* in the list of parameters */
  uint32_t parameter_count; /* at most 64 */
} gemcut_chat_macro;

/* The code from here on is of this line of the template's file. */
typedef struct gemcut_chat_line {
  uint32_t code;
  uint32_t line;
} gemcut_chat_line;

/* One byte, then operands: b uint8, s uint32 a string, j uint32 a place in the code,
 * n uint32 a number, i int64, f double. "a b -- c" is the stack before and after. */
typedef enum gemcut_chat_op {
  GEMCUT_CHAT_TEXT = 0,       /* s       writes a string of the template */
  GEMCUT_CHAT_EMIT,           /*         value -- ; writes it */
  GEMCUT_CHAT_STRING,         /* s       -- string */
  GEMCUT_CHAT_INTEGER,        /* i       -- integer */
  GEMCUT_CHAT_REAL,           /* f       -- real */
  GEMCUT_CHAT_CONSTANT,       /* b       -- value; gemcut_chat_constant */
  GEMCUT_CHAT_LOAD,           /* s       -- value of the variable */
  GEMCUT_CHAT_STORE,          /* s       value -- */
  GEMCUT_CHAT_ATTRIBUTE,      /* s       object -- value */
  GEMCUT_CHAT_ITEM,           /*         object key -- value */
  GEMCUT_CHAT_SET_ATTRIBUTE,  /* s s     value -- ; variable (a namespace), name */
  GEMCUT_CHAT_SLICE,          /* b       object [begin] [end] [step] -- part; bits
                                         0 to 2 say which are there */
  GEMCUT_CHAT_LIST,           /* n       n values -- list */
  GEMCUT_CHAT_TUPLE,          /* n       n values -- tuple */
  GEMCUT_CHAT_MAP,            /* n       n times key value -- map */
  GEMCUT_CHAT_UNPACK,         /* n       sequence -- its n items, first on top */
  GEMCUT_CHAT_UNARY,          /* b       value -- value; gemcut_chat_operator */
  GEMCUT_CHAT_BINARY,         /* b       left right -- value */
  GEMCUT_CHAT_JUMP,           /* j */
  GEMCUT_CHAT_JUMP_IF_FALSE,  /* j       value -- */
  GEMCUT_CHAT_AND,            /* j       a false value stays and jumps, a true one
                                         goes */
  GEMCUT_CHAT_OR,             /* j       the other way round */
  GEMCUT_CHAT_FILTER,         /* b b     value, arguments -- value; filter, number
                                         of arguments */
  GEMCUT_CHAT_TEST,           /* b b     value, arguments -- boolean */
  GEMCUT_CHAT_METHOD,         /* b b     object, arguments -- value */
  GEMCUT_CHAT_FUNCTION,       /* b b     arguments -- value */
  GEMCUT_CHAT_MAP_FILTER,     /* b b     sequence, arguments -- list */
  GEMCUT_CHAT_SELECT,         /* b b b   sequence [attribute] arguments -- list; test,
                                         bits (1: reject, 2: attribute), arguments */
  GEMCUT_CHAT_CALL,           /* b b s*  macro, arguments -- text; numbers of those by
                                         place and by name, names */
  GEMCUT_CHAT_LOOP_BEGIN,     /*         sequence -- ; opens a scope */
  GEMCUT_CHAT_LOOP_NEXT,      /* j       -- item; at the end it jumps; empties the
                                         scope */
  GEMCUT_CHAT_LOOP_VALUE,     /*         -- the running loop, for `loop` */
  GEMCUT_CHAT_LOOP_END,       /* j       closes; jumps if there was any item */
  GEMCUT_CHAT_COLLECT,        /*         value -- ; keeps the item if it is true */
  GEMCUT_CHAT_COLLECT_END,    /*         -- list of kept items; closes */
  GEMCUT_CHAT_SCOPE_BEGIN,
  GEMCUT_CHAT_SCOPE_END,
  GEMCUT_CHAT_CAPTURE_BEGIN,  /*         output goes to a new text */
  GEMCUT_CHAT_CAPTURE_END,    /*         -- that text */
  GEMCUT_CHAT_MACRO,          /* n       -- macro */
  GEMCUT_CHAT_ARGUMENT,       /* n j     jumps if the caller gave parameter n */
  GEMCUT_CHAT_RETURN,         /*         from a macro; at the end of the template */
  GEMCUT_CHAT_OPS,            /* count */
} gemcut_chat_op;

typedef enum gemcut_chat_constant {
  GEMCUT_CHAT_UNDEFINED = 0,
  GEMCUT_CHAT_MISSING, /* an argument that was not given */
  GEMCUT_CHAT_NONE,
  GEMCUT_CHAT_FALSE,
  GEMCUT_CHAT_TRUE,
} gemcut_chat_constant;

typedef enum gemcut_chat_operator {
  GEMCUT_CHAT_NOT = 0,
  GEMCUT_CHAT_NEGATE,
  GEMCUT_CHAT_PLUS,
  GEMCUT_CHAT_ADD,
  GEMCUT_CHAT_SUBTRACT,
  GEMCUT_CHAT_MULTIPLY,
  GEMCUT_CHAT_DIVIDE,
  GEMCUT_CHAT_FLOOR_DIVIDE,
  GEMCUT_CHAT_MODULO,
  GEMCUT_CHAT_POWER,
  GEMCUT_CHAT_CONCATENATE,
  GEMCUT_CHAT_EQUAL,
  GEMCUT_CHAT_NOT_EQUAL,
  GEMCUT_CHAT_LESS,
  GEMCUT_CHAT_LESS_EQUAL,
  GEMCUT_CHAT_GREATER,
  GEMCUT_CHAT_GREATER_EQUAL,
  GEMCUT_CHAT_IN,
  GEMCUT_CHAT_NOT_IN,
} gemcut_chat_operator;

/* X(name, Jinja's name, parameters behind the value). Names with a space are not
 * Jinja's. */
#define GEMCUT_CHAT_FILTERS(X)                                                   \
  X(ABS, "abs", "")                                                              \
  X(ATTR, "attr", "name")                                                        \
  X(CAPITALIZE, "capitalize", "")                                                \
  X(DEFAULT, "default", "default_value,boolean")                                 \
  X(DICTSORT, "dictsort", "case_sensitive,by,reverse")                           \
  X(FIRST, "first", "")                                                          \
  X(FLOAT, "float", "default")                                                   \
  X(INDENT, "indent", "width,first,blank")                                       \
  X(INT, "int", "default")                                                       \
  X(ITEMS, "items", "")                                                          \
  X(JOIN, "join", "d,attribute")                                                 \
  X(LAST, "last", "")                                                            \
  X(LENGTH, "length", "")                                                        \
  X(LIST, "list", "")                                                            \
  X(LOWER, "lower", "")                                                          \
  X(MAP_ATTRIBUTE, "map attribute", "attribute,default")                         \
  X(MAX, "max", "case_sensitive,attribute")                                      \
  X(MIN, "min", "case_sensitive,attribute")                                      \
  X(REPLACE, "replace", "old,new,count")                                         \
  X(REVERSE, "reverse", "")                                                      \
  X(ROUND, "round", "precision,method")                                          \
  X(SAFE, "safe", "")                                                            \
  X(SORT, "sort", "reverse,case_sensitive,attribute")                            \
  X(STRING, "string", "")                                                        \
  X(SUM, "sum", "attribute,start")                                               \
  X(TITLE, "title", "")                                                          \
  X(TOJSON, "tojson", "ensure_ascii,indent,separators,sort_keys")                \
  X(TRIM, "trim", "chars")                                                       \
  X(UNIQUE, "unique", "case_sensitive,attribute")                                \
  X(UPPER, "upper", "")

#define GEMCUT_CHAT_TESTS(X)                                                     \
  X(BOOLEAN, "boolean", "")                                                      \
  X(CALLABLE, "callable", "")                                                    \
  X(DEFINED, "defined", "")                                                      \
  X(DIVISIBLEBY, "divisibleby", "num")                                           \
  X(EQUALTO, "equalto", "other")                                                 \
  X(EVEN, "even", "")                                                            \
  X(FALSE, "false", "")                                                          \
  X(FLOAT, "float", "")                                                          \
  X(GREATEREQUAL, "ge", "other")                                                 \
  X(GREATER, "gt", "other")                                                      \
  X(IN, "in", "seq")                                                             \
  X(INTEGER, "integer", "")                                                      \
  X(ITERABLE, "iterable", "")                                                    \
  X(LESSEQUAL, "le", "other")                                                    \
  X(LESS, "lt", "other")                                                         \
  X(LOWER, "lower", "")                                                          \
  X(MAPPING, "mapping", "")                                                      \
  X(NOTEQUAL, "ne", "other")                                                     \
  X(NONE, "none", "")                                                            \
  X(NUMBER, "number", "")                                                        \
  X(ODD, "odd", "")                                                              \
  X(SAMEAS, "sameas", "other")                                                   \
  X(SEQUENCE, "sequence", "")                                                    \
  X(STRING, "string", "")                                                        \
  X(TRUE, "true", "")                                                            \
  X(TRUTH, "not a test", "")                                                     \
  X(UNDEFINED, "undefined", "")                                                  \
  X(UPPER, "upper", "")

#define GEMCUT_CHAT_METHODS(X)                                                   \
  X(CAPITALIZE, "capitalize", "")                                                \
  X(COUNT, "count", "sub")                                                       \
  X(CYCLE, "cycle", "a,b,c,d,e,f,g,h")                                           \
  X(ENDSWITH, "endswith", "suffix")                                              \
  X(FIND, "find", "sub")                                                         \
  X(GET, "get", "key,default")                                                   \
  X(INDEX, "index", "sub")                                                       \
  X(ISDIGIT, "isdigit", "")                                                      \
  X(ITEMS, "items", "")                                                          \
  X(JOIN, "join", "iterable")                                                    \
  X(KEYS, "keys", "")                                                            \
  X(LOWER, "lower", "")                                                          \
  X(LSTRIP, "lstrip", "chars")                                                   \
  X(REMOVEPREFIX, "removeprefix", "prefix")                                      \
  X(REMOVESUFFIX, "removesuffix", "suffix")                                      \
  X(REPLACE, "replace", "old,new,count")                                         \
  X(RFIND, "rfind", "sub")                                                       \
  X(RSPLIT, "rsplit", "sep,maxsplit")                                            \
  X(RSTRIP, "rstrip", "chars")                                                   \
  X(SPLIT, "split", "sep,maxsplit")                                              \
  X(SPLITLINES, "splitlines", "")                                                \
  X(STARTSWITH, "startswith", "prefix")                                          \
  X(STRIP, "strip", "chars")                                                     \
  X(TITLE, "title", "")                                                          \
  X(UPPER, "upper", "")                                                          \
  X(VALUES, "values", "")

#define GEMCUT_CHAT_FUNCTIONS(X)                                                 \
  X(NAMESPACE, "namespace", "entries")                                           \
  X(RAISE_EXCEPTION, "raise_exception", "message")                               \
  X(RANGE, "range", "start,stop,step")                                           \
  X(STRFTIME_NOW, "strftime_now", "format")

#define GEMCUT_CHAT_FILTER_ID(name, text, parameters) GEMCUT_CHAT_FILTER_##name,
#define GEMCUT_CHAT_TEST_ID(name, text, parameters) GEMCUT_CHAT_TEST_##name,
#define GEMCUT_CHAT_METHOD_ID(name, text, parameters) GEMCUT_CHAT_METHOD_##name,
#define GEMCUT_CHAT_FUNCTION_ID(name, text, parameters) GEMCUT_CHAT_FUNCTION_##name,
typedef enum gemcut_chat_filter {
  GEMCUT_CHAT_FILTERS(GEMCUT_CHAT_FILTER_ID) GEMCUT_CHAT_FILTER_COUNT
} gemcut_chat_filter;
typedef enum gemcut_chat_test {
  GEMCUT_CHAT_TESTS(GEMCUT_CHAT_TEST_ID) GEMCUT_CHAT_TEST_COUNT
} gemcut_chat_test;
typedef enum gemcut_chat_method {
  GEMCUT_CHAT_METHODS(GEMCUT_CHAT_METHOD_ID) GEMCUT_CHAT_METHOD_NUMBER
} gemcut_chat_method;
typedef enum gemcut_chat_function {
  GEMCUT_CHAT_FUNCTIONS(GEMCUT_CHAT_FUNCTION_ID) GEMCUT_CHAT_FUNCTION_COUNT
} gemcut_chat_function;
#undef GEMCUT_CHAT_FILTER_ID
#undef GEMCUT_CHAT_TEST_ID
#undef GEMCUT_CHAT_METHOD_ID
#undef GEMCUT_CHAT_FUNCTION_ID

#ifdef __cplusplus
}
#endif
#endif
