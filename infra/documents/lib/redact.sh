# What looks like a secret in an XML file, left out and named (docs/documents.md, describe). It errs towards leaving out: what is not well
# formed, comments and CDATA are left out too. Two passes over the file: the name of a secret may stand behind or before its value, in an
# element of its own.

# redact FILE NAMES: prints the file without them; NAMES gets the path of each, one a line. Fails if the file is not well formed.
redact() {
    # shellcheck disable=SC2016
    timeout -s KILL 20 awk -v names="$2" '
    function secret_name(n) {
        n = tolower(n)
        return n ~ /pass|pwd|secret|token|cred|key|auth|crypt|cert|private|salt|hash|community/ || n ~ /^(pw|pin)[0-9]*$/
    }
    # Where a text may name what stands beside it: <name>db-password</name><value>…</value>
    function is_name(n) { return tolower(n) ~ /^(name|key|id|param|parameter|field|property|item|var)$/ }
    function names_a_secret(t) {
        t = tolower(t)
        gsub(/^[ \t\r\n]+|[ \t\r\n]+$/, "", t)
        return t ~ /^[a-z0-9_][a-z0-9_.:-]*$/ && t ~ /pass(wd|word|phrase)|pass$|pwd|secret|token|credential|(api|access|private|ssh).?key/
    }
    function secret_word(w) {
        if (w ~ /^\/(dev|opt|etc|usr|var|home|mnt|media|root|run|srv|tmp|bin|sbin|lib|lib64|data)\//) return 0
        if (w ~ /(AKIA|ASIA)[A-Z0-9]+/) return 1
        kinds = (w ~ /[A-Z]/) + (w ~ /[a-z]/) + (w ~ /[0-9]/)
        if (length(w) >= 20 && w ~ /^[A-Za-z0-9+\/=_.~-]+$/ && kinds == 3) return 1
        return length(w) >= 32 && w ~ /^[A-Za-z0-9+\/=]+$/ && kinds >= 2
    }
    function secret_value(t, count, i, words, low) {
        if (t ~ /-----BEGIN/ || names_a_secret(t) || t ~ /:\/\/[^\/ ]*:[^\/ ]*@/) return 1
        low = tolower(t)
        if (low ~ /(pass(wd|word|phrase)?|pwd|secret|token|key|credential)[a-z0-9_-]*["\047]?[ \t]*[=:]/) return 1
        if (low ~ /(^|[ \t])-+(pw|pwd|pass|password|passwd|secret|token|key)[ \t]+[^ \t]/ || low ~ /(^|[ \t])-p[ \t]*[^ \t0-9]/) return 1
        if (low ~ /[a-z0-9_]\/[^ \t\/@]+@[a-z]/) return 1
        gsub(/&[a-z]+;/, " ", t)
        count = split(t, words, /[ \t\r\n"\047,;:|()&<>]+/)
        for (i = 1; i <= count; i++) {
            if (secret_word(words[i])) return 1
            if (index(words[i], "=") && secret_word(substr(words[i], index(words[i], "=") + 1))) return 1
        }
        return 0
    }
    function where(  i, out) {
        out = ""
        for (i = 1; i <= depth; i++) out = out "/" stack[i]
        return out
    }
    function named(what) { if (pass == 2) print what >names }
    function put(t) { if (pass == 2) printf "%s", t }
    function bad() { failed = 1; exit 1 }
    # What is in the top element, or around all of them.
    function text(t) {
        if (t !~ /[^ \t\r\n]/) { if (!skip) put(t); return }
        if (depth == 0) { if (t !~ /^\357\273\277[ \t\r\n]*$/) bad(); put(t); return }
        if (pass == 1) { if (is_name(stack[depth]) && names_a_secret(t)) tells[parent[depth]] = 1; return }
        if (skip) { within[skip] = 1; return }
        if (is_name(stack[depth]) && names_a_secret(t)) put(t)
        else if (tells[parent[depth]] || secret_value(t)) { put("(left out)"); named(where()) }
        else put(t)
    }
    # The attributes of a tag, with what is secret in them left out. Sets `told` if one of them names a secret.
    function attributes(t, name, out, one, key, value, all, look) {
        all = secret_name(name)
        told = 0
        for (look = 1; look <= 2; look++) {
            out = ""
            rest_of = t
            while (match(rest_of, /[^ \t\r\n=]+[ \t\r\n]*=[ \t\r\n]*("[^"]*"|\047[^\047]*\047)/)) {
                one = substr(rest_of, RSTART, RLENGTH)
                out = out substr(rest_of, 1, RSTART - 1)
                rest_of = substr(rest_of, RSTART + RLENGTH)
                key = value = one
                sub(/[ \t\r\n]*=.*/, "", key)
                sub(/^[^=]*=[ \t\r\n]*/, "", value)
                value = substr(value, 2, length(value) - 2)
                if (is_name(key) && names_a_secret(value)) told = 1
                else if (value != "" && (all || told || secret_name(key) || secret_value(value))) {
                    one = key "=\"(left out)\""
                    if (look == 2) named(where() "/" name "@" key)
                }
                out = out one
            }
        }
        return out rest_of
    }
    BEGIN { RS = "<" }
    FNR == 1 {
        pass++
        depth = skip = inside = count = 0
        text($0)
        next
    }
    inside != 0 {
        if (i = index($0, inside)) { i += length(inside); inside = 0; text(substr($0, i)) }
        next
    }
    /^!--/ || /^!\[CDATA\[/ {
        inside = /^!--/ ? "-->" : "]]>"
        if (skip) within[skip] = 1
        else if (inside == "-->") named(where() "/comment()")
        else { put("(left out)"); named(where()) }
        if (i = index(substr($0, 4), inside)) { i += 3 + length(inside); inside = 0; text(substr($0, i)) }
        next
    }
    /^\?/ {
        if (!(i = index($0, "?>"))) bad()
        if (!skip) put("<" substr($0, 1, i + 1))
        text(substr($0, i + 2))
        next
    }
    # A declaration of entities may hold anything.
    /^!/ { bad() }
    /^\// {
        if (!match($0, /^\/[^ \t\r\n>]+[ \t\r\n]*>/)) bad()
        name = substr($0, 2, RLENGTH - 2)
        sub(/[ \t\r\n]+$/, "", name)
        if (depth == 0 || stack[depth] != name) bad()
        rest = substr($0, RLENGTH + 1)
        if (skip == depth) { skip = 0; if (within[depth]) { put("(left out)"); named(where()) } }
        if (!skip) put("</" name ">")
        depth--
        text(rest)
        next
    }
    {
        if (!match($0, /^[A-Za-z_:\200-\377]([^"\047>]|"[^"]*"|\047[^\047]*\047)*>/)) bad()
        tag = substr($0, 1, RLENGTH - 1)
        rest = substr($0, RLENGTH + 1)
        empty = tag ~ /\/$/
        match(tag, /^[^ \t\r\n\/]+/)
        name = substr(tag, 1, RLENGTH)
        told = 0
        if (skip) within[skip] = 1
        else put("<" name attributes(substr(tag, RLENGTH + 1), name) ">")
        count++
        if (!empty) {
            depth++
            stack[depth] = name
            order[depth] = count
            parent[depth] = depth > 1 ? order[depth - 1] : 0
            within[depth] = 0
            if (!skip && (secret_name(name) || told)) skip = depth
        }
        text(rest)
    }
    END { if (failed || pass < 2 || depth != 0 || inside != 0) exit 1 }
    ' "$1" "$1"
}
