# The dot products of AVX-VNNI in instructions of AVX2, as macros:
#
#   vpdpbusd_in_avx2 y, 32(%rax,%rcx), 1, 0, 2, 3, 4    {vex} vpdpbusd 32(%rax,%rcx), %ymm1, %ymm0
#
# The kind of registers, the operands (the last two as numbers of registers), and the numbers of three registers that are
# none of the operands. These are saved below the red zone; neither flags nor other memory change. Source of the
# meaning: Intel SDM volume 2, VPDPBUSD and VPDPWSSD.

.macro save_for_vnni a b c
  vmovdqu %ymm\a, -160(%rsp)
  vmovdqu %ymm\b, -192(%rsp)
  vmovdqu %ymm\c, -224(%rsp)
.endm

.macro restore_for_vnni a b c
  vmovdqu -160(%rsp), %ymm\a
  vmovdqu -192(%rsp), %ymm\b
  vmovdqu -224(%rsp), %ymm\c
.endm

# Signed bytes of the source times unsigned bytes of `first`: even ones, then odd ones, as words. vpmaddwd adds two
# products, which fits, and sums of 32 bits wrap, as they do in the instruction.
.macro vpdpbusd_in_avx2 kind source first target a b c
  save_for_vnni \a, \b, \c
  vmovdqu \source, %\kind\()mm\a
  vpsllw $8, %\kind\()mm\a, %\kind\()mm\b
  vpsraw $8, %\kind\()mm\b, %\kind\()mm\b
  vpsraw $8, %\kind\()mm\a, %\kind\()mm\a
  vpsrlw $8, %\kind\()mm\first, %\kind\()mm\c
  vpmaddwd %\kind\()mm\a, %\kind\()mm\c, %\kind\()mm\a
  vpsllw $8, %\kind\()mm\first, %\kind\()mm\c
  vpsrlw $8, %\kind\()mm\c, %\kind\()mm\c
  vpmaddwd %\kind\()mm\b, %\kind\()mm\c, %\kind\()mm\b
  vpaddd %\kind\()mm\a, %\kind\()mm\target, %\kind\()mm\target
  vpaddd %\kind\()mm\b, %\kind\()mm\target, %\kind\()mm\target
  restore_for_vnni \a, \b, \c
.endm

.macro vpdpwssd_in_avx2 kind source first target a b c
  save_for_vnni \a, \b, \c
  vmovdqu \source, %\kind\()mm\a
  vpmaddwd %\kind\()mm\a, %\kind\()mm\first, %\kind\()mm\a
  vpaddd %\kind\()mm\a, %\kind\()mm\target, %\kind\()mm\target
  restore_for_vnni \a, \b, \c
.endm
