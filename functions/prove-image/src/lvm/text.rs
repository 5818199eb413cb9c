//! The text of LVM2's metadata: sections, numbers, strings, lists. Source: LVM2, libdm/libdm-config.c (`_section`, `_value`, `_type`).

/// Sections within sections; LVM's have four levels.
const DEEPEST: usize = 8;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Number(u64),
    Text(String),
    List(Vec<Value>),
    Section(Section),
}

/// Names and values, in the text's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Section(pub(crate) Vec<(String, Value)>);

impl Section {
    fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(each, _)| each == name).map(|(_, value)| value)
    }

    pub(crate) fn section(&self, name: &str) -> Option<&Section> {
        match self.value(name)? {
            Value::Section(section) => Some(section),
            _ => None,
        }
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        match self.value(name)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn list(&self, name: &str) -> Option<&[Value]> {
        match self.value(name)? {
            Value::List(list) => Some(list),
            _ => None,
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// Goes on behind white space and comments; the next character.
    fn peek(&mut self) -> Option<char> {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with('#') {
                return self.rest.chars().next();
            }
            self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        }
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.rest = self.rest.get(wanted.len_utf8()..).unwrap_or_default();
        }
        found
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> Option<String> {
        self.peek()?;
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_owned())
    }

    fn string(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                '\\' => text.push(characters.next()?.1),
                '"' => {
                    self.rest = self.rest.get(at + 1..)?;
                    return Some(text);
                }
                c => text.push(c),
            }
        }
        None
    }

    fn value(&mut self) -> Option<Value> {
        if self.take('[') {
            let mut list = Vec::new();
            while !self.take(']') {
                list.push(self.scalar()?);
                if !self.take(',') && self.peek()? != ']' {
                    return None;
                }
            }
            return Some(Value::List(list));
        }
        self.scalar()
    }

    fn scalar(&mut self) -> Option<Value> {
        if self.take('"') {
            return self.string().map(Value::Text);
        }
        // Negative numbers and fractions stand nowhere that matters here.
        let word = self.word(|c| c.is_ascii_digit() || ".-+".contains(c))?;
        Some(word.parse().map_or(Value::Text(word), Value::Number))
    }

    fn section(&mut self, depth: usize) -> Option<Section> {
        let mut found = Section::default();
        loop {
            match self.peek() {
                None if depth == 0 => return Some(found),
                Some('}') if depth > 0 => {
                    self.take('}');
                    return Some(found);
                }
                None | Some('}') => return None,
                Some(_) => {}
            }
            let name = self.word(|c| c.is_ascii_alphanumeric() || "_-+./:@#".contains(c))?;
            let value = if self.take('{') {
                if depth >= DEEPEST {
                    return None;
                }
                Value::Section(self.section(depth + 1)?)
            } else if self.take('=') {
                self.value()?
            } else {
                return None;
            };
            found.0.push((name, value));
        }
    }
}

/// The whole text, or nothing if it is not such a text.
pub(crate) fn parse(text: &str) -> Option<Section> {
    Reader { rest: text }.section(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_sections_numbers_strings_and_lists() {
        let root = parse("vg {\n id = \"a\\\"b\" # words\n size = 8192\n status = [\"READ\", \"WRITE\"] none = [] }\n# end\nversion = 1\n")
            .unwrap();
        let group = root.section("vg").unwrap();
        assert_eq!((group.text("id"), group.number("size")), (Some("a\"b"), Some(8192)));
        assert_eq!(
            group.list("status").unwrap(),
            [Value::Text("READ".into()), Value::Text("WRITE".into())]
        );
        assert_eq!(group.list("none").unwrap(), []);
        assert_eq!(root.number("version"), Some(1));
    }

    #[test]
    fn refuses_what_is_cut_off_or_too_deep() {
        for text in ["vg {", "vg { a = }", "vg { a = [1 2] }", "}", "a = \"b", "a"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"a {".repeat(100_000)), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in r#"[a-z0-9{}\[\]"=,#\n \\]{0,200}"#) {
            parse(&text);
        }
    }
}
