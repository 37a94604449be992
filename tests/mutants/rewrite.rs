//! Puts all mutants of a source tree into it. Each takes effect if `crate::mutant::is_on` says so.
//!
//! `snaptrie-mutants ROOT DROPPED FILE…` rewrites the files, which are relative to `ROOT`, in place. `DROPPED` names a
//! file of numbers, of mutants to leave out. Prints a line per mutant: its number, file, line, what it does, and where
//! its own text and all of its text are in the rewritten file. A mutant in a `const fn` cannot ask, and is left out:
//! its range is empty.
//!
//! Mutants:
//! - a body that returns at once: nothing, a boolean, `None`, 0 or 1;
//! - another binary operator, or none of `!` and `-`;
//! - the opposite of a condition that has no operator;
//! - a guard of a match that always holds, or never;
//! - a statement less: a call or an assignment.

use std::collections::HashSet;
use std::ops::Range;
use std::{env, fs};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, BinOp, Block, Expr, ReturnType, Signature, Stmt, Type, UnOp};

enum Form {
    /// Another expression instead.
    Instead(String),
    /// A statement less.
    Without,
    /// An early return, at the beginning of a body.
    Return(&'static str),
}

struct Mutant {
    line: usize,
    what: String,
    range: Range<usize>,
    form: Form,
    is_const: bool,
}

struct Finder<'a> {
    source: &'a str,
    in_const: bool,
    found: Vec<Mutant>,
}

/// Code that only tests or documentation have, or only builds for the model checker.
fn is_elsewhere(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else {
            return attribute.path().is_ident("test");
        };
        let condition = list.tokens.to_string();
        attribute.path().is_ident("cfg")
            && !condition.starts_with("not")
            && ["test", "shuttle", "snaptrie_", "doc"].iter().any(|name| condition.contains(name))
    })
}

fn other_operators(operator: &BinOp) -> &'static [&'static str] {
    match operator {
        BinOp::Eq(_) => &["!="],
        BinOp::Ne(_) => &["=="],
        BinOp::Lt(_) => &["<=", ">="],
        BinOp::Le(_) => &["<", ">"],
        BinOp::Gt(_) => &[">=", "<="],
        BinOp::Ge(_) => &[">", "<"],
        BinOp::And(_) => &["||"],
        BinOp::Or(_) => &["&&"],
        BinOp::Add(_) | BinOp::Div(_) => &["-", "*"],
        BinOp::Sub(_) | BinOp::Mul(_) => &["+"],
        BinOp::Rem(_) => &["/"],
        BinOp::BitAnd(_) | BinOp::BitXor(_) => &["|"],
        BinOp::BitOr(_) => &["&"],
        BinOp::Shl(_) => &[">>"],
        BinOp::Shr(_) => &["<<"],
        BinOp::AddAssign(_) | BinOp::MulAssign(_) => &["-="],
        BinOp::SubAssign(_) | BinOp::DivAssign(_) => &["+="],
        BinOp::BitAndAssign(_) | BinOp::BitXorAssign(_) => &["|="],
        BinOp::BitOrAssign(_) => &["&="],
        BinOp::ShlAssign(_) => &[">>="],
        BinOp::ShrAssign(_) => &["<<="],
        _ => &[],
    }
}

/// What a function can return at once, by its type.
fn results(output: &ReturnType) -> &'static [&'static str] {
    let ReturnType::Type(_, of) = output else { return &[""] };
    let Type::Path(path) = &**of else { return &[] };
    let name = path.path.segments.last().expect("a name").ident.to_string();
    match name.as_str() {
        "bool" => &["true", "false"],
        "Option" => &["None"],
        "usize" | "u8" | "u16" | "u32" | "u64" | "i32" | "i64" => &["0", "1"],
        _ => &[],
    }
}

/// Whether a condition binds names, so that it is no expression of its own.
fn binds(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(pair) => binds(&pair.left) || binds(&pair.right),
        _ => false,
    }
}

/// A bug on purpose, or the like of it: mutants of these say nothing.
fn is_for_tests(text: &str) -> bool {
    let calls = [
        "planted(",
        "stall_point(",
        "crate::sync::stall_point(",
        "crate::sync::shared_access(",
        "shared_access(",
    ];
    calls.iter().any(|call| text.trim_start_matches('!').starts_with(call))
}

impl Finder<'_> {
    fn add(&mut self, at: &impl Spanned, what: impl Into<String>, form: Form) {
        let range = at.span().byte_range();
        self.add_at(range, at.span().start().line, what, form);
    }

    fn add_at(&mut self, range: Range<usize>, line: usize, what: impl Into<String>, form: Form) {
        self.found.push(Mutant { line, what: what.into(), range, form, is_const: self.in_const });
    }

    fn text(&self, of: &impl Spanned) -> &str {
        &self.source[of.span().byte_range()]
    }

    fn function(&mut self, attributes: &[Attribute], signature: &Signature, body: &Block) {
        if is_elsewhere(attributes) {
            return;
        }
        let outer = std::mem::replace(&mut self.in_const, signature.constness.is_some());
        let start = body.brace_token.span.open().byte_range().end;
        for result in results(&signature.output) {
            let inner = self.text(body).trim_matches(['{', '}']).trim();
            if inner != *result {
                let what = format!("`{}` returns {result}", signature.ident);
                self.add_at(
                    start..start,
                    signature.ident.span().start().line,
                    what,
                    Form::Return(result),
                );
            }
        }
        self.visit_block(body);
        self.in_const = outer;
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.attrs, &item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.attrs, &item.sig, &item.block);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.function(&item.attrs, &item.sig, body);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_elsewhere(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let by_derive = item
            .trait_
            .as_ref()
            .is_some_and(|(_, path, _)| path.segments.last().unwrap().ident == "Debug");
        if !is_elsewhere(&item.attrs) && !by_derive {
            visit::visit_item_impl(self, item);
        }
    }

    // Constants, and constants in types: what they bound is checked elsewhere.
    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}
    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}
    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}
    fn visit_trait_item_const(&mut self, _: &'ast syn::TraitItemConst) {}
    fn visit_expr_const(&mut self, _: &'ast syn::ExprConst) {}
    fn visit_type(&mut self, _: &'ast Type) {}
    fn visit_pat(&mut self, _: &'ast syn::Pat) {}
    fn visit_generic_argument(&mut self, _: &'ast syn::GenericArgument) {}

    fn visit_expr_repeat(&mut self, repeat: &'ast syn::ExprRepeat) {
        self.visit_expr(&repeat.expr);
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        if let Stmt::Local(local) = statement {
            if is_elsewhere(&local.attrs) {
                return;
            }
        }
        if let Stmt::Expr(expression, Some(_)) = statement {
            let (Expr::Call(syn::ExprCall { attrs, .. })
            | Expr::MethodCall(syn::ExprMethodCall { attrs, .. })
            | Expr::Assign(syn::ExprAssign { attrs, .. })
            | Expr::Block(syn::ExprBlock { attrs, .. })
            | Expr::Return(syn::ExprReturn { attrs, .. })
            | Expr::Unsafe(syn::ExprUnsafe { attrs, .. })) = expression
            else {
                return visit::visit_stmt(self, statement);
            };
            if is_elsewhere(attrs) {
                return;
            }
            let is_step = !matches!(expression, Expr::Block(_) | Expr::Return(_));
            if is_step && attrs.is_empty() && !is_for_tests(self.text(expression)) {
                let first = self.text(expression).lines().next().unwrap_or_default().to_owned();
                self.add(statement, format!("without `{first}`"), Form::Without);
            }
        }
        visit::visit_stmt(self, statement);
    }

    fn visit_expr_binary(&mut self, pair: &'ast syn::ExprBinary) {
        let sides = [&*pair.left, &*pair.right];
        if !sides.iter().any(|side| binds(side) || is_for_tests(self.text(side))) {
            let [left, right] = sides.map(|side| self.text(side).to_owned());
            let operator = self.text(&pair.op).to_owned();
            for other in other_operators(&pair.op) {
                let text = format!("({left}) {other} ({right})");
                self.add(pair, format!("`{operator}` is {other}"), Form::Instead(text));
            }
        }
        visit::visit_expr_binary(self, pair);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        let is_number = matches!(&*unary.expr, Expr::Lit(_));
        if matches!(unary.op, UnOp::Not(_) | UnOp::Neg(_))
            && !is_number
            && !is_for_tests(self.text(unary))
        {
            let operand = self.text(&unary.expr).to_owned();
            self.add(unary, format!("without {}", self.text(&unary.op)), Form::Instead(operand));
        }
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_if(&mut self, branch: &'ast syn::ExprIf) {
        if is_for_tests(self.text(&branch.cond)) {
            return;
        }
        // Those with an operator have mutants of their own.
        if matches!(
            &*branch.cond,
            Expr::Call(_) | Expr::MethodCall(_) | Expr::Path(_) | Expr::Field(_)
        ) {
            let opposite = format!("!{}", self.text(&branch.cond));
            self.add(&branch.cond, "the opposite condition", Form::Instead(opposite));
        }
        visit::visit_expr_if(self, branch);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if let Some((_, guard)) = &arm.guard {
            if is_for_tests(self.text(&**guard)) {
                return;
            }
            if !binds(guard) {
                self.add(&**guard, "the guard holds", Form::Instead("true".to_owned()));
                self.add(&**guard, "the guard does not hold", Form::Instead("false".to_owned()));
            }
        }
        visit::visit_arm(self, arm);
    }
}

/// Writes the text of `range` with all mutants in it, the outermost of which come first; says where each went.
fn render(
    source: &str,
    range: Range<usize>,
    mutants: &mut std::iter::Peekable<std::slice::Iter<'_, (usize, &Mutant)>>,
    output: &mut String,
    places: &mut Vec<(usize, Range<usize>, Range<usize>)>,
) {
    let mut at = range.start;
    while let Some(&&(number, mutant)) = mutants.peek() {
        if mutant.range.start >= range.end {
            break;
        }
        mutants.next();
        output.push_str(&source[at..mutant.range.start]);
        let start = output.len();
        let own = match &mutant.form {
            Form::Return(result) => {
                output.push_str(&format!(
                    " if crate::mutant::is_on({number}) {{ return {result}; }}"
                ));
                start..output.len()
            }
            Form::Without => {
                output.push_str(&format!("if !crate::mutant::is_on({number}) {{ "));
                let own = start..output.len();
                render(source, mutant.range.clone(), mutants, output, places);
                output.push_str(" }");
                own
            }
            Form::Instead(text) => {
                output.push_str(&format!("(if crate::mutant::is_on({number}) {{ ("));
                let own_start = output.len();
                output.push_str(text);
                let own = own_start..output.len();
                output.push_str(") } else { (");
                render(source, mutant.range.clone(), mutants, output, places);
                output.push_str(") })");
                own
            }
        };
        places.push((number, own, start..output.len()));
        at = mutant.range.end;
    }
    output.push_str(&source[at..range.end]);
}

fn main() {
    let mut arguments = env::args().skip(1);
    let root = arguments.next().expect("a folder");
    let dropped =
        fs::read_to_string(arguments.next().expect("a file of numbers")).expect("numbers");
    let dropped: HashSet<usize> =
        dropped.lines().map(|line| line.parse().expect("a number")).collect();
    let mut count = 0;
    for file in arguments {
        let path = format!("{root}/{file}");
        let source = fs::read_to_string(&path).expect("a source file");
        let syntax = syn::parse_file(&source).expect("Rust");
        let mut finder = Finder { source: &source, in_const: false, found: Vec::new() };
        finder.visit_file(&syntax);
        let numbered: Vec<(usize, &Mutant)> = (count..).zip(&finder.found).collect();
        count += numbered.len();

        let mut kept = numbered.clone();
        kept.retain(|(number, mutant)| !mutant.is_const && !dropped.contains(number));
        kept.sort_by_key(|(_, mutant)| (mutant.range.start, usize::MAX - mutant.range.end));
        let (mut output, mut places) = (String::new(), Vec::new());
        render(&source, 0..source.len(), &mut kept.iter().peekable(), &mut output, &mut places);
        fs::write(&path, output).expect("a file that can be written");

        for (number, mutant) in numbered {
            let state = match places.iter().find(|place| place.0 == number) {
                Some((_, own, all)) => {
                    format!("{}\t{}\t{}\t{}", own.start, own.end, all.start, all.end)
                }
                None if mutant.is_const => "const\t\t\t".to_owned(),
                None => "dropped\t\t\t".to_owned(),
            };
            println!(
                "{number}\t{file}\t{}\t{}\t{state}",
                mutant.line,
                mutant.what.replace('\t', " ")
            );
        }
    }
}
