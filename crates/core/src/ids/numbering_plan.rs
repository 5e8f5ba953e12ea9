//! Numbering plans in which one mobile number has two spellings.
//!
//! WhatsApp uses either: which one depends on when the account was created. Landlines have one spelling.

/// The other spelling of a mobile number: country code and number in digits.
///
/// - Brazil: `55`, two digits of the area, then eight digits with or without a leading 9. Eight digits that begin with 2 to 5
///   are a landline.
/// - Mexico: `52` and ten digits, or `521` and ten digits.
/// - Argentina: `54` and ten digits, or `549` and ten digits.
pub(super) fn other_spelling(digits: &str) -> Option<String> {
    if let Some(national) = digits.strip_prefix("55") {
        let (area, number) = national.split_at_checked(2)?;
        let short = if number.len() == 9 { number.strip_prefix('9')? } else { number };
        let is_mobile = short.len() == 8 && !short.starts_with(['2', '3', '4', '5']);
        let other = if number.len() == 9 { format!("55{area}{short}") } else { format!("55{area}9{short}") };
        return is_mobile.then_some(other);
    }
    let with_or_without = |country: &str, mobile: &str| {
        let national = digits.strip_prefix(country)?;
        match (national.len(), national.strip_prefix(mobile)) {
            (10, None) => Some(format!("{country}{mobile}{national}")),
            (11, Some(short)) => Some(format!("{country}{short}")),
            _ => None,
        }
    };
    with_or_without("52", "1").or_else(|| with_or_without("54", "9"))
}

#[cfg(test)]
mod tests {
    use super::other_spelling;

    #[test]
    fn mobile_numbers_have_two_spellings() {
        for (long, short) in [
            ("5511900000001", "551100000001"),
            ("5531987654321", "553187654321"),
            ("5215550001001", "525550001001"),
            ("5491150001001", "541150001001"),
        ] {
            assert_eq!(other_spelling(long).as_deref(), Some(short));
            assert_eq!(other_spelling(short).as_deref(), Some(long));
        }
    }

    #[test]
    fn other_numbers_have_one_spelling() {
        for digits in
            ["15550101001", "551134567890", "5511934567890", "55", "5511", "52155500010", "1", "549115000100"]
        {
            assert_eq!(other_spelling(digits), None, "{digits}");
        }
    }
}
