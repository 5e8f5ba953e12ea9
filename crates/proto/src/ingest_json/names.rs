//! The two spellings of field names: the proto's and JSON's.

/// The lowerCamelCase spelling of a proto field name.
pub fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |joined, word| {
        let (initial, rest) = word.split_at(word.len().min(1));
        joined + &initial.to_ascii_uppercase() + rest
    })
}

/// The proto spelling of a lowerCamelCase field path.
pub fn snake_case(path: &str) -> String {
    path.chars().fold(String::with_capacity(path.len()), |mut spelled, letter| {
        if letter.is_ascii_uppercase() {
            spelled.push('_');
        }
        spelled.push(letter.to_ascii_lowercase());
        spelled
    })
}
