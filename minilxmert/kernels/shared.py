"""What threads need to work together, written as LLVM instructions: words that all may change, and a call to pass on.

All operations on such a word have one order that every thread sees (sequential consistency)."""

import os
import platform

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

INT32, INT64 = ir.IntType(32), ir.IntType(64)
PAUSES = {"x86_64": "llvm.x86.sse2.pause", "amd64": "llvm.x86.sse2.pause"}


def pointer(context, builder, kind, value):
    """The address of the first value of an array inside generated code."""
    return context.make_array(kind)(context, builder, value).data


def plain_add(word, value):
    """word[0] += value, for all threads at once; returns what it was before"""
    before = word[0]
    word[0] += value
    return before


@intrinsic
def atomic_add(typing, word, value):
    def codegen(context, builder, signature, args):
        return builder.atomic_rmw("add", pointer(context, builder, signature.args[0], args[0]), args[1], "seq_cst")

    return types.int64(word, types.int64), codegen


add = plain_add if config.DISABLE_JIT else atomic_add


@intrinsic
def look(typing, word):
    """word[0] as it is now"""

    def codegen(context, builder, signature, args):
        return builder.load_atomic(pointer(context, builder, signature.args[0], args[0]), "seq_cst", 8)

    return types.int64(word), codegen


@intrinsic
def pause(typing):
    """Wait for an instant, and leave the core to its other thread meanwhile."""

    def codegen(context, builder, signature, args):
        name = PAUSES.get(platform.machine().lower())
        if name:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [])
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def give_way(typing):
    """Let the system run another thread on this core; where it has no sched_yield, just wait for an instant."""

    def codegen(context, builder, signature, args):
        if os.name == "posix":
            kind = ir.FunctionType(INT32, [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def write_call(typing, memory, address, arguments):
    """Write a call, the address of a compiled function and its arguments, into memory: words for `perform`.

    Returns the address of the few instructions that read it back, made here because only here the types are known.
    The arguments' arrays must outlive the call. Nothing is returned by the function, and it must not raise."""
    kinds = tuple(arguments)

    def codegen(context, builder, signature, args):
        memory, function, values = pointer(context, builder, signature.args[0], args[0]), args[1], args[2]
        frame = ir.LiteralStructType([INT64, values.type]).as_pointer()
        place = builder.bitcast(memory, frame)
        builder.store(function, builder.gep(place, [INT32(0), INT32(0)]))
        builder.store(values, builder.gep(place, [INT32(0), INT32(1)]))
        kind = ir.FunctionType(ir.VoidType(), [INT64.as_pointer()])
        reader = ir.Function(builder.module, kind, builder.module.get_unique_name("read_call"))
        reader.linkage = "internal"
        inner = ir.IRBuilder(reader.append_basic_block())
        place = inner.bitcast(reader.args[0], frame)
        convention = context.call_conv.get_function_type(types.none, kinds).as_pointer()
        target = inner.inttoptr(inner.load(inner.gep(place, [INT32(0), INT32(0)])), convention)
        values = cgutils.unpack_tuple(inner, inner.load(inner.gep(place, [INT32(0), INT32(1)])))
        context.call_conv.call_function(inner, target, types.none, kinds, values)
        inner.ret_void()
        return builder.ptrtoint(reader, INT64)

    return types.int64(memory, types.int64, arguments), codegen


@intrinsic
def perform(typing, reader, memory):
    """Do the call that write_call has written into memory."""

    def codegen(context, builder, signature, args):
        kind = ir.FunctionType(ir.VoidType(), [INT64.as_pointer()]).as_pointer()
        memory = pointer(context, builder, signature.args[1], args[1])
        builder.call(builder.inttoptr(args[0], kind), [memory])
        return context.get_dummy_value()

    return types.void(types.int64, memory), codegen
