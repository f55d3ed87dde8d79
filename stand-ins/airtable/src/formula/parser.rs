//! Tokens → tree. Precedence from weak to strong: comparison, `&`, `+ -`, `* /`, sign.

use super::FormulaError;
use super::functions::{self, Function};
use super::lexer::{Token, tokens};

/// Formulas nest no deeper than this, so that hostile text cannot exhaust the stack.
const DEPTH_MAX: usize = 60;

/// A formula, ready to be evaluated for each record.
#[derive(Debug, Clone)]
pub(crate) enum Expr {
    Number(f64),
    Text(String),
    Field(String),
    Negative(Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    Call(&'static Function, Vec<Expr>),
}

impl Expr {
    /// The fields that the formula names, in order of appearance.
    pub(super) fn field_names<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Self::Number(_) | Self::Text(_) => {}
            Self::Field(name) => names.push(name),
            Self::Negative(inner) => inner.field_names(names),
            Self::Binary(_, left, right) => {
                left.field_names(names);
                right.field_names(names);
            }
            Self::Call(_, args) => args.iter().for_each(|arg| arg.field_names(names)),
        }
    }
}

/// Levels of binary operators, weakest first; each is left-associative.
const LEVELS: [&[&str]; 4] = [&["=", "!=", "<", "<=", ">", ">="], &["&"], &["+", "-"], &["*", "/"]];

/// Parses one formula.
///
/// # Errors
/// [`FormulaError::Syntax`] for anything that is not one complete formula of known functions.
pub(crate) fn parse(text: &str) -> Result<Expr, FormulaError> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let expr = parser.binary(0)?;
    if parser.at == tokens.len() { Ok(expr) } else { Err(FormulaError::Syntax) }
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn take(&mut self, wanted: &Token) -> bool {
        let found = self.tokens.get(self.at) == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn binary(&mut self, level: usize) -> Result<Expr, FormulaError> {
        let Some(operators) = LEVELS.get(level) else { return self.signed() };
        let mut left = self.binary(level + 1)?;
        let mut chained = 0;
        while let Some(Token::Op(op)) = self.tokens.get(self.at)
            && operators.contains(op)
        {
            // A long chain makes a deep tree too, which is walked by recursion.
            chained += 1;
            if chained > DEPTH_MAX * 4 {
                return Err(FormulaError::Syntax);
            }
            self.at += 1;
            left = Expr::Binary(op, Box::new(left), Box::new(self.binary(level + 1)?));
        }
        Ok(left)
    }

    fn signed(&mut self) -> Result<Expr, FormulaError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(FormulaError::Syntax);
        }
        let expr = match self.next().ok_or(FormulaError::Syntax)? {
            Token::Op("-") => Expr::Negative(Box::new(self.signed()?)),
            Token::Op("+") => self.signed()?,
            Token::Number(value) => Expr::Number(value),
            Token::Text(text) => Expr::Text(text),
            Token::Field(name) => Expr::Field(name),
            Token::Open => {
                let inner = self.binary(0)?;
                if !self.take(&Token::Close) {
                    return Err(FormulaError::Syntax);
                }
                inner
            }
            Token::Function(name) => self.call(&name)?,
            Token::Op(_) | Token::Close | Token::Comma => return Err(FormulaError::Syntax),
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn call(&mut self, name: &str) -> Result<Expr, FormulaError> {
        let function = functions::find(name).ok_or(FormulaError::Syntax)?;
        if !self.take(&Token::Open) {
            return Err(FormulaError::Syntax);
        }
        let mut args = Vec::new();
        while !self.take(&Token::Close) {
            if !args.is_empty() && !self.take(&Token::Comma) {
                return Err(FormulaError::Syntax);
            }
            args.push(self.binary(0)?);
        }
        if (function.args_min..=function.args_max).contains(&args.len()) {
            Ok(Expr::Call(function, args))
        } else {
            Err(FormulaError::Syntax)
        }
    }
}
