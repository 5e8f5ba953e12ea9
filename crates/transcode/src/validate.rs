//! Checks requests against the constraints in their protos, before the RPC, and reports all invalid fields together.

use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::mem;

use tonic::Status;

use crate::error::{FieldViolation, Rejection};

/// A message whose fields have constraints. The build generates it.
///
/// `C` has the checks that constraints name: it implements the trait `Checks`, which is generated too.
pub trait Validate<C> {
    /// Checks every field.
    fn validate(&self, fields: &mut Violations);
}

/// A service whose requests are checked before the RPC: the build implements the service's trait for it.
pub struct Validated<S, C> {
    /// The service.
    pub service: S,
    checks: PhantomData<fn() -> C>,
}

impl<S, C> Validated<S, C> {
    /// The service, with the checks of `C`.
    pub const fn new(service: S) -> Self {
        Self { service, checks: PhantomData }
    }
}

impl<S: fmt::Debug, C> fmt::Debug for Validated<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Validated").field(&self.service).finish()
    }
}

/// Rejects a request with invalid fields, all of them named.
#[allow(clippy::result_large_err, reason = "what an RPC returns")]
pub fn validate<C>(request: &impl Validate<C>) -> Result<(), Status> {
    let mut fields = Violations::default();
    request.validate(&mut fields);
    if fields.found.is_empty() { Ok(()) } else { Err(Rejection::invalid_fields(fields.found).into()) }
}

/// The invalid fields that were found so far.
#[derive(Debug, Default)]
pub struct Violations {
    found: Vec<FieldViolation>,
    /// What precedes the name of a field in its path, such as `filter.`.
    prefix: String,
}

impl Violations {
    fn add(&mut self, field: impl Display, problem: impl Display, value: Option<i64>) {
        let field = format!("{}{field}", self.prefix);
        self.found.push(FieldViolation { field, problem: problem.to_string(), value });
    }

    /// Reports the error of a check, as the problem of the field.
    pub fn check<T>(&mut self, field: impl Display, result: Result<T, impl Display>) {
        if let Err(problem) = result {
            self.add(field, problem, None);
        }
    }

    /// Reports a required field that is absent.
    pub fn required(&mut self, field: &str, is_present: bool) {
        if !is_present {
            self.add(field, "is missing", None);
        }
    }

    /// Reports a number that is out of range.
    pub fn range(
        &mut self,
        field: impl Display,
        value: impl TryInto<i64>,
        min: Option<i64>,
        max: Option<i64>,
    ) {
        // What does not fit is above every largest number.
        let value = value.try_into().unwrap_or(i64::MAX);
        if min.is_some_and(|min| value < min) || max.is_some_and(|max| value > max) {
            let problem = match (min, max) {
                (Some(0), None) => "must not be negative".to_owned(),
                (Some(min), None) => format!("must be at least {min}"),
                (min, Some(max)) => format!("must be between {} and {max}", min.unwrap_or(i64::MIN)),
                (None, None) => return,
            };
            self.add(field, problem, Some(value));
        }
    }

    /// Reports a text that is not one of the accepted ones.
    pub fn one_of(&mut self, field: impl Display, value: &str, accepted: &[&str]) {
        if !accepted.contains(&value) {
            let (last, others) = accepted.split_last().unwrap_or((&"", &[]));
            let others = others.join(", ");
            let or = if others.is_empty() { "" } else { " or " };
            self.add(field, format_args!("must be {others}{or}{last}"), None);
        }
    }

    /// Reports a text with too few or too many characters; a `max` of 0 is no limit.
    pub fn length(&mut self, field: impl Display, value: &str, min: usize, max: usize) {
        self.count(field, value.chars().count(), min, max, "characters");
    }

    /// Reports a list or map with too few or too many items; a `max` of 0 is no limit.
    pub fn items(&mut self, field: &str, count: usize, min: usize, max: usize) {
        self.count(field, count, min, max, "items");
    }

    /// Reports the first text that is in a list twice.
    pub fn unique(&mut self, field: &str, items: &[String]) {
        let repeated = (1..items.len()).find(|index| items[..*index].contains(&items[*index]));
        if let Some(index) = repeated {
            self.add(format_args!("{field}[{index}]"), "must not repeat an earlier item", None);
        }
    }

    fn count(&mut self, field: impl Display, count: usize, min: usize, max: usize, unit: &str) {
        if count < min || max > 0 && count > max {
            let problem = match (min, max) {
                (1, 0) => "must not be empty".to_owned(),
                (min, 0) => format!("must have at least {min} {unit}"),
                (0, max) => format!("must have at most {max} {unit}"),
                (min, max) => format!("must have {min} to {max} {unit}"),
            };
            self.add(field, problem, None);
        }
    }

    /// Checks the fields of a message inside a field.
    pub fn nested<C>(&mut self, field: impl Display, message: &impl Validate<C>) {
        let prefix = mem::take(&mut self.prefix);
        self.prefix = format!("{prefix}{field}.");
        message.validate(self);
        self.prefix = prefix;
    }

    /// Checks the fields of a partial update that its mask names; without a mask, all that are set. Their paths are those
    /// in the mask.
    pub fn masked<C>(&mut self, resource: &impl Validate<C>, mask: Option<&prost_types::FieldMask>) {
        let mut fields = Self::default();
        resource.validate(&mut fields);
        self.found.extend(fields.found.into_iter().filter(|violation| {
            let name = violation.field.split(['.', '[']).next().unwrap_or_default();
            mask.is_none_or(|mask| mask.paths.iter().any(|path| path.split('.').next() == Some(name)))
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Page {
        limit: i64,
        order: &'static str,
        ids: Vec<&'static str>,
    }

    impl Validate<()> for Page {
        fn validate(&self, fields: &mut Violations) {
            fields.range("limit", self.limit, Some(1), Some(200));
            fields.one_of("order", self.order, &["asc", "desc"]);
            fields.items("ids", self.ids.len(), 1, 2);
            for (index, id) in self.ids.iter().enumerate() {
                fields.check(format_args!("ids[{index}]"), id.parse::<u8>().map_err(|_| "must be a number"));
            }
        }
    }

    fn sentences(fields: &Violations) -> Vec<String> {
        fields.found.iter().map(|violation| format!("{} {}", violation.field, violation.problem)).collect()
    }

    #[test]
    fn all_invalid_fields_are_reported() {
        let page = Page { limit: 201, order: "up", ids: vec!["1", "x", "3"] };
        let status = validate(&page).unwrap_err();
        let rejection = Rejection::of(&status).unwrap();
        let fields = Violations { found: rejection.fields.clone(), prefix: String::new() };
        let expected = [
            "limit must be between 1 and 200",
            "order must be asc or desc",
            "ids must have 1 to 2 items",
            "ids[1] must be a number",
        ];
        assert_eq!(sentences(&fields), expected);
        assert_eq!(rejection.fields[0].value, Some(201));
        assert!(validate(&Page { limit: 1, order: "asc", ids: vec!["1"] }).is_ok());
    }

    #[test]
    fn masked_fields_are_checked_and_others_are_not() {
        let page = Page { limit: 0, order: "up", ids: vec!["x"] };
        let mask = prost_types::FieldMask { paths: vec!["ids".to_owned(), "limit".to_owned()] };
        let mut fields = Violations::default();
        fields.masked(&page, Some(&mask));
        assert_eq!(sentences(&fields), ["limit must be between 1 and 200", "ids[0] must be a number"]);
        fields.masked(&page, None);
        assert_eq!(fields.found.len(), 5);
    }

    #[test]
    fn nested_fields_have_their_path() {
        let mut fields = Violations::default();
        fields.nested("filter", &Page { limit: 0, order: "asc", ids: vec!["1"] });
        assert_eq!(sentences(&fields), ["filter.limit must be between 1 and 200"]);
    }
}
