"""Every small change to a module, and the module with one of them."""

from __future__ import annotations

import ast
import copy
import gc
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType

ROOT = Path(__file__).parents[2]
ROOMS = ("tenancy", "purge", "access", "usage")

Function = tuple[str, int]
"""The path and line where an outermost function begins; line 0 is what runs at import."""

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.And: ast.Or, ast.Or: ast.And,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One small change to one module."""

    file: str
    function: Function
    name: str
    line: int
    at: tuple[int, int]  # which node of the module, and which change of this node
    change: tuple[str, str]
    twin: int  # how many of the same stand before it in its function

    @property
    def room(self) -> str:
        """Return the room of services whose module is changed."""
        return self.file.split("/")[1]

    def rank(self, seed: int) -> str:
        """Return where it stands in a draw."""
        said = repr((seed, self.file, self.name, self.change, self.twin))
        return hashlib.sha256(said.encode()).hexdigest()

    def __str__(self) -> str:
        before, after = (text if len(text) < 120 else f"{text[:119]}…" for text in self.change)
        return f"{self.file}:{self.line}: {before}  =>  {after}"


def modules() -> Iterator[Path]:
    """Yield the modules that are changed."""
    for room in ROOMS:
        for path in sorted((ROOT / "services" / room).glob("[a-z]*.py")):
            said = ast.get_docstring(ast.parse(path.read_text())) or ""
            if re.search(r"\bpure\b", said, re.IGNORECASE) or path.name == "gate.py":
                yield path


def draw(seed: int, count: int) -> list[Mutant]:
    """Return so many of all mutants."""
    every = (mutant for path in modules() for mutant in _mutants_of(path))
    return sorted(every, key=lambda mutant: mutant.rank(seed))[:count]


def code_of(mutant: Mutant) -> CodeType:
    """Compile the changed module."""
    path = ROOT / mutant.file
    tree = ast.parse(path.read_text())
    number, which = mutant.at
    old = next(node for at, (node, *_) in enumerate(_nodes(tree)) if at == number)
    new = _changes(old)[which]

    class Put(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return new if node is old else self.generic_visit(node)

    Put().visit(tree)  # in its place
    code: CodeType = compile(ast.fix_missing_locations(tree), str(path), "exec")
    return code


def put_into_functions(mutant: Mutant) -> bool:
    """Change the function as it is in this process; False where only a new import would do."""
    line = mutant.function[1]
    new = next((code for code in _codes(code_of(mutant)) if code.co_firstlineno == line), None)
    found = [
        each for each in gc.get_objects()
        if isinstance(each, FunctionType)
        and (each.__code__.co_filename, each.__code__.co_firstlineno) == mutant.function
    ]  # fmt: skip
    if not line or new is None or not found:
        return False
    for function in found:
        if len(function.__code__.co_freevars) != len(new.co_freevars):
            return False
        function.__code__ = new
    return True


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of every function of a module, and of its classes."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _codes(each)


def _mutants_of(path: Path) -> Iterator[Mutant]:
    twins: Counter[tuple[str, tuple[str, str]]] = Counter()
    file = str(path.relative_to(ROOT))
    for number, (node, name, begins) in enumerate(_nodes(ast.parse(path.read_text()))):
        for which, other in enumerate(_changes(node)):
            change, line = (_text(node), _text(other)), getattr(node, "lineno", begins)
            twin = twins[name, change]
            yield Mutant(file, (str(path), begins), name, line, (number, which), change, twin)
            twins[name, change] += 1


def _nodes(node: ast.AST, name: str = "", begins: int = 0) -> Iterator[tuple[ast.AST, str, int]]:
    """Yield what may be changed, with its place and the first line of the function around it."""
    yield node, name, begins
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        name = f"{name}.{node.name}"
    for field, value in ast.iter_fields(node):
        if field in {"annotation", "returns", "decorator_list", "bases"} or _of_types(node):
            continue
        inside = begins
        if isinstance(node, ast.FunctionDef) and field == "body" and not begins:
            inside = _first_line(node)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.AST):
                yield from _nodes(each, name, inside)


def _first_line(function: ast.FunctionDef) -> int:
    """Return where a function's code begins; 0 for one whose answers are kept."""
    if any("cache" in ast.unparse(each) for each in function.decorator_list):
        return 0
    return min([function.lineno, *(each.lineno for each in function.decorator_list)])


def _of_types(node: ast.AST) -> bool:
    """Whether code speaks to the type checker alone."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp | ast.Subscript):
        return isinstance(node.targets[0], ast.Name) and node.targets[0].id[:1].isupper()
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _changes(node: ast.AST) -> list[ast.AST]:
    """Return what may stand in a node's place."""
    match node:
        case ast.Compare(ops=ops):
            swapped = [(k, SWAPS[type(op)]()) for k, op in enumerate(ops)]
            return [_with(node, ops=[*ops[:k], op, *ops[k + 1 :]]) for k, op in swapped]
        case ast.If() | ast.IfExp():
            return [_with(node, test=ast.Constant(value)) for value in (True, False)]
    other = _change(node)
    return [other] if other is not None else []


def _change(node: ast.AST) -> ast.AST | None:
    match node:
        case ast.BinOp(op=op) | ast.BoolOp(op=op) | ast.AugAssign(op=op) if type(op) in SWAPS:
            return _with(node, op=SWAPS[type(op)]())
        case ast.UnaryOp(op=ast.Not()):
            return node.operand
        case ast.Constant(value=bool() | int() as value):
            return _with(node, value=not value if isinstance(value, bool) else value + 1)
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            return _with(node, value=ast.Constant(None))
        case ast.comprehension(ifs=[_, *rest]):
            return _with(node, ifs=rest)
    return None


def _with(node: ast.AST, **fields: object) -> ast.AST:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _text(node: ast.AST) -> str:
    return f"if {ast.unparse(node.test)}" if isinstance(node, ast.If) else ast.unparse(node)
