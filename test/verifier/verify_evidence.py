#!/usr/bin/env python3
"""Verifies an evidence file of the format countersign-evidence/1.

Written from docs/evidence-format.md alone, and from the texts it names: RFC 6962 and RFC 9162 (the tree), RFC 8785
(canonical JSON), RFC 8032 (Ed25519), RFC 8017 (RSA), FIPS 186-5 (ECDSA), WebAuthn, C2SP signed-note and tlog-checkpoint. It shares no line with Countersign, and
needs nothing but Python 3.11 or newer.

    verify_evidence.py <file> [--key <vkey>] [--earlier <note file>]...

It prints a verdict and the reasons. It ends with 0 for "verified" alone, with 1 for any other verdict (also for a population that is not
complete), and with 2 where
there is nothing to judge. The numbers of the sections are those of docs/evidence-format.md.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
from decimal import Decimal

MAX_INTEGER = 2**53 - 1
MAX_BODY_BYTES = 61_440
MAX_DEPTH = 64
MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURE_LINES = 100


class Refusal(Exception):
    """A check that failed, in words for the person who runs this."""


def must(holds, reason):
    if not holds:
        raise Refusal(reason)


def shown(value):
    """A value from the file, so that it can neither break the terminal nor fill it."""
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."


# JSON, RFC 8259 and RFC 8785 ------------------------------------------------------------------------------------------


def parse_json(text, what):
    """What a text says that has a canonical form. Every number becomes a double, as RFC 8785 has it."""

    def unique_members(pairs):
        members = dict(pairs)
        must(len(members) == len(pairs), f"{what}: a name stands twice in one object")
        return members

    def no_constant(name):
        raise Refusal(f"{what}: {name} is not JSON")

    try:
        value = json.loads(
            text,
            object_pairs_hook=unique_members,
            parse_int=float,
            parse_float=float,
            parse_constant=no_constant,
        )
        canonical(value).encode("utf-8")
    except UnicodeEncodeError:
        raise Refusal(f"{what}: holds a lone surrogate, which is not text") from None
    except RecursionError:
        raise Refusal(f"{what}: nested more than {MAX_DEPTH} deep") from None
    except ValueError as error:
        raise Refusal(f"{what}: not JSON ({error})") from None
    return value


def canonical(value, depth=0):
    """RFC 8785, section 3.2, for values with at most 64 lists and objects around them."""
    must(depth <= MAX_DEPTH, f"nested more than {MAX_DEPTH} deep")
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # escapes exactly what section 3.2.2.2 wants escaped
    if isinstance(value, float):
        return canonical_number(value)
    if isinstance(value, list):
        return "[" + ",".join(canonical(item, depth + 1) for item in value) + "]"
    names = sorted(value, key=lambda name: name.encode("utf-16-be"))
    return "{" + ",".join(canonical(name) + ":" + canonical(value[name], depth + 1) for name in names) + "}"


def canonical_number(value):
    """ECMA-262, Number::toString. Python's repr gives the same shortest digits, in another form."""
    must(abs(value) != float("inf"), "a number is too large for a double")
    if value == 0:
        return "0"
    _, digit_list, exponent = Decimal(repr(abs(value))).normalize().as_tuple()
    digits = "".join(map(str, digit_list))
    sign = "-" if value < 0 else ""
    point = len(digits) + exponent  # where the decimal point stands, counted from the first digit
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    fraction = "." + digits[1:] if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{point - 1:+d}"


# What members must be -------------------------------------------------------------------------------------------------


def text_of(value, what):
    must(isinstance(value, str), f"{what} is not a text")
    return value


def list_of(value, what):
    must(isinstance(value, list), f"{what} is not a list")
    return value


def integer_of(value, what, least=0):
    is_integer = isinstance(value, float) and value.is_integer() and least <= value <= MAX_INTEGER
    must(is_integer, f"{what} is not an integer from {least} to 2^53-1: {shown(value)}")
    return int(value)


def object_of(value, what, members):
    must(isinstance(value, dict), f"{what} is not an object")
    must(set(value) == set(members), f"{what} has not exactly the members {', '.join(members)}")
    return value


def hex_of(value, what, digits):
    text = text_of(value, what)
    must(re.fullmatch("[0-9a-f]{%d}" % digits, text), f"{what} is not {digits} lower-case hex digits: {shown(text)}")
    return bytes.fromhex(text)


def base64_of(value, what, length=None):
    text = text_of(value, what)
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refusal(f"{what} is not base64: {shown(text)}") from None
    must(base64.b64encode(data).decode() == text, f"{what} is not base64 in its canonical spelling: {shown(text)}")
    must(length is None or len(data) == length, f"{what} is {len(data)} bytes and not {length}")
    return data


def proof_of(value, what):
    return [base64_of(item, f"a hash of {what}", 32) for item in list_of(value, what)]


# Ed25519, RFC 8032, section 5.1 ---------------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_MINUS_1 = pow(2, (P - 1) // 4, P)
# A point is (X, Y, Z, T) with x = X/Z, y = Y/Z, x*y = T/Z.
NEUTRAL = (0, 1, 1, 0)


def add_points(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply_point(factor, point):
    result = NEUTRAL
    while factor:
        if factor & 1:
            result = add_points(result, point)
        point = add_points(point, point)
        factor >>= 1
    return result


def decode_point(data):
    """Section 5.1.3; None where the bytes are no point in its one right spelling."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P
    if (v * x * x - u) % P != 0:
        x = x * SQRT_MINUS_1 % P
    if (v * x * x - u) % P != 0 or (x == 0 and sign == 1):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = decode_point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def is_small(point):
    """Whether it is of small order: for such a key, anybody can make signatures."""
    x, y, z, _ = multiply_point(8, point)
    return x == 0 and y == z


def is_signed(public_key, message, signature):
    """Section 5.1.7, by the equation without the cofactor."""
    if len(signature) != 64:
        return False
    a, r = decode_point(public_key), decode_point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or is_small(a) or is_small(r) or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % L
    left, right = multiply_point(s, BASE), add_points(r, multiply_point(k, a))
    return all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))


# 1. Key ---------------------------------------------------------------------------------------------------------------

WHITE_SPACE = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")


def is_key_name(name):
    return name != "" and "+" not in name and not WHITE_SPACE.search(name)


def read_key(vkey, what):
    """The name, the key id and the public key of a vkey."""
    parts = vkey.split("+", 2)  # the base64 may have a + of its own
    must(len(parts) == 3 and is_key_name(parts[0]), f"{what} is not <name>+<key id>+<material>: {shown(vkey)}")
    name, key_id, material = parts[0], hex_of(parts[1], f"{what}: its key id", 8), base64_of(parts[2], what, 33)
    must(material[0] == 1, f"{what} is not an Ed25519 key")
    digest = hashlib.sha256(name.encode() + b"\n" + material).digest()
    must(digest[:4] == key_id, f"{what}: its key id is not that of its name and material")
    return name, key_id, material[1:]


# 2. Checkpoint --------------------------------------------------------------------------------------------------------


def read_note(note, origin, what):
    """The size and the root hash that a signed note states, its text, and its signature lines: name, key id, signature."""
    must(len(note.encode()) <= MAX_NOTE_BYTES, f"{what} is larger than {MAX_NOTE_BYTES} bytes")
    must(not re.search("[\x00-\x09\x0b-\x1f]", note), f"{what} holds a control character")
    before, gap, after = note.rpartition("\n\n")
    must(gap and after.endswith("\n"), f"{what} is not a text, an empty line and signature lines")
    signed, lines = before + "\n", after[:-1].split("\n")
    must(len(lines) <= MAX_SIGNATURE_LINES, f"{what} has more than {MAX_SIGNATURE_LINES} signature lines")

    signatures = []
    for line in lines:
        parts = line.split(" ")
        is_line = len(parts) == 3 and parts[0] == "\u2014" and is_key_name(parts[1])
        must(is_line, f"{what}: not a signature line: {shown(line)}")
        data = base64_of(parts[2], f"{what}: a signature")
        must(len(data) >= 5, f"{what}: a signature line is too short")
        signatures.append((parts[1], data[:4], data[4:]))

    stated = signed.split("\n")
    must(len(stated) == 4, f"{what}: its text is not exactly three lines")
    must(stated[0] == origin, f"{what} is of another origin: {shown(stated[0])}")
    must(re.fullmatch("0|[1-9][0-9]{0,15}", stated[1]), f"{what}: not a size: {shown(stated[1])}")
    must(int(stated[1]) <= MAX_INTEGER, f"{what}: its size is above 2^53-1")
    return int(stated[1]), base64_of(stated[2], f"{what}: its root hash", 32), signed, signatures


def must_be_signed(signed, signatures, keys, what):
    """At least one line is of one of the keys, and each line that is holds."""
    own = [
        (public_key, signature)
        for name, key_id, signature in signatures
        for key_name, own_id, public_key in keys
        if (name, key_id) == (key_name, own_id)
    ]
    must(own, f"{what} is not signed by the key {shown(keys[0][0])}" if keys else f"{what}: no key was in force")
    for public_key, signature in own:
        must(is_signed(public_key, signed.encode(), signature), f"{what}: a signature of the key is wrong")


def read_checkpoint(note, key, what):
    """The size and the root hash that a signed note states, once the key's signatures hold."""
    size, root, signed, signatures = read_note(note, key[0], what)
    must_be_signed(signed, signatures, [key], what)
    return size, root


# The tree, RFC 6962 and RFC 9162 --------------------------------------------------------------------------------------

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(body):
    return hashlib.sha256(b"\x00" + body.encode()).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def includes(index, size, leaf, proof, root):
    """RFC 9162, section 2.1.3.2."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def continues(first, first_root, second, second_root, proof):
    """RFC 9162, section 2.1.4.2, which is for 0 < first < second."""
    if not (0 < first < second and proof):
        return False
    path = [first_root, *proof] if first & (first - 1) == 0 else proof
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first_root and sr == second_root


# 3. Each event --------------------------------------------------------------------------------------------------------

BODY = ("stream", "seq", "prev", "type", "v", "at", "data")


def read_event(entry, previous_index, size, root, has_tree):
    """The index, the leaf hash and the content of one event, once it is proved, or left to the tree to prove."""
    object_of(entry, "an event", ("leafIndex", "body", "proof"))
    index = integer_of(entry["leafIndex"], "an event's leafIndex")
    what = f"the event at leaf {index}"
    must(previous_index < index < size, f"{what} does not stand behind the one before, and below the size")
    leaf, event = read_body(entry["body"], what)
    proof = proof_of(entry["proof"], f"{what}: its proof")
    if has_tree:
        must(proof == [], f"{what} has a proof beside the tree")
    else:
        must(includes(index, size, leaf, proof, root), f"{what}: its proof does not lead to the checkpoint's root")
    return index, leaf, event


def read_body(value, what):
    """The leaf hash and the content of a body."""
    body = text_of(value, f"{what}: its body")
    must(len(body.encode()) <= MAX_BODY_BYTES, f"{what}: its body is larger than {MAX_BODY_BYTES} bytes")

    event = parse_json(body, f"{what}: its body")
    must(isinstance(event, dict), f"{what}: its body is not an object")
    must(canonical(event) == body, f"{what}: its body is not in canonical form")
    object_of(event, f"{what}: its body", BODY + (("cleaned",) if "cleaned" in event else ()))
    for name in ("stream", "type"):
        must(text_of(event[name], f"{what}: {name}") != "", f"{what}: {name} is empty")
    event["seq"] = integer_of(event["seq"], f"{what}: seq", 1)
    integer_of(event["v"], f"{what}: v", 1)
    integer_of(event["at"], f"{what}: at")
    if event["prev"] is not None:
        event["prev"] = hex_of(event["prev"], f"{what}: prev", 64)
    must(isinstance(event["data"], dict), f"{what}: data is not an object")
    for path in list_of(event.get("cleaned", []), f"{what}: cleaned"):
        text_of(path, f"{what}: a path in cleaned")
    return leaf_hash(body), event


# 4. Each stream -------------------------------------------------------------------------------------------------------


def check_streams(events):
    """What is to be said of each stream, once none has a gap."""
    last = {}
    for index, leaf, event in events:
        what = f"the event at leaf {index} of {shown(event['stream'])}"
        _, previous_leaf, previous = last.get(event["stream"], (None, None, None))
        must(previous is None or previous["type"] != "closed", f"{what} follows the closing of its stream")
        expected = 1 if previous is None else previous["seq"] + 1
        must(event["seq"] == expected, f"{what} has seq {event['seq']} where {expected} is next")
        must(event["prev"] == previous_leaf, f"{what} does not name the one before as prev")
        if event["type"] == "closed":
            count = integer_of(event["data"].get("count"), f"{what}: the count with which it closes")
            must(count == event["seq"], f"{what} closes with the count {count}, which is not its seq")
        last[event["stream"]] = (index, leaf, event)
    return [
        f"{shown(stream)} is complete"
        if event["type"] == "closed"
        else f"{shown(stream)} is complete up to leaf {index}; later events are not provable from this file"
        for stream, (index, _, event) in last.items()
    ]


def began_anew(events):
    """What is to be said of each log that follows another: why it began, and what of the one before is not shown."""
    said = []
    for _, _, event in events:
        if event["type"] != "origin-started" or event["seq"] != 1 or not event["stream"].startswith("origin/"):
            continue
        data = event["data"]
        began = f"the log began anew at {event['at']}: {shown(data.get('by'))} said that"
        if isinstance(data.get("lostKey"), str):
            said.append(
                f"{began} {shown(data['lostKey'])} of {shown(data.get('previousOrigin'))} was lost;"
                " what came before is not proved for whoever trusts that key"
            )
        else:
            said.append(f"{began} {shown(data.get('previousOrigin'))} could not go on after a restore; what it lost is not here")
    return said


# 5. Each reveal -------------------------------------------------------------------------------------------------------


def check_reveals(reveals, events):
    data_at = {index: event["data"] for index, _, event in events}
    seen = set()
    for reveal in reveals:
        object_of(reveal, "a reveal", ("leafIndex", "path", "salt", "value"))
        index, path = integer_of(reveal["leafIndex"], "a reveal's leafIndex"), text_of(reveal["path"], "a reveal's path")
        what = f"the reveal of {shown(path)} at leaf {index}"
        salt, value = hex_of(reveal["salt"], f"{what}: its salt", 32), text_of(reveal["value"], f"{what}: its value")
        must(index in data_at, f"{what} is of no event in this file")
        must((index, path) not in seen, f"{what} stands twice")
        seen.add((index, path))
        salted = {"salted": hashlib.sha256(salt + value.encode()).hexdigest()}
        must(path in data_at[index], f"{what}: the event has no such member in data")
        must(data_at[index][path] == salted, f"{what} is not what was recorded")


# 6. Each policy -------------------------------------------------------------------------------------------------------


def check_policies(policies, events):
    named = {event["data"]["policy"] for _, _, event in events if isinstance(event["data"].get("policy"), str)}
    seen = set()
    for policy in policies:
        object_of(policy, "a policy", ("hash", "text"))
        name = text_of(policy["hash"], "a policy's hash")
        hex_of(name, "a policy's hash", 64)
        must(name not in seen, f"the policy {name} stands twice")
        seen.add(name)
        text = text_of(policy["text"], f"the policy {name}: its text")
        must(hashlib.sha256(text.encode()).hexdigest() == name, f"the policy {name} has another text")
        must(name in named, f"no event in this file names the policy {name}")


# 7. Consistency -------------------------------------------------------------------------------------------------------


def check_consistency(entries, earlier, size, root):
    """What is to be said of the entries, once each earlier checkpoint is shown to be continued."""
    proofs = {}
    for entry in entries:
        object_of(entry, "an entry of consistency", ("size", "proof"))
        entry_size = integer_of(entry["size"], "an entry of consistency: its size")
        must(entry_size not in proofs, f"consistency has two entries of size {entry_size}")
        proofs[entry_size] = proof_of(entry["proof"], "an entry of consistency: its proof")
    for earlier_size, earlier_root in earlier:
        what = f"the earlier checkpoint of size {earlier_size}"
        if earlier_size == size:
            must(earlier_root == root, f"{what} has another root hash than the file's of the same size")
        elif earlier_size == 0:
            must(earlier_root == EMPTY_ROOT, f"{what} has another root hash than the empty tree")
        else:
            must(earlier_size in proofs, f"{what}: the file has no proof that it is continued")
            is_continued = continues(earlier_size, earlier_root, size, root, proofs[earlier_size])
            must(is_continued, f"{what} is not continued by the file's checkpoint")
    unknown = set(proofs) - {earlier_size for earlier_size, _ in earlier}
    return [f"consistency with size {entry_size} was not checked" for entry_size in sorted(unknown)]


# 8. Each passkey ------------------------------------------------------------------------------------------------------

CURVE_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
CURVE_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
CURVE_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
CURVE_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017, section 9.2, note 1


def add_on_curve(p, q):
    """FIPS 186-5 and SP 800-186, P-256, affine; None is the point at infinity."""
    if p is None or q is None:
        return q if p is None else p
    if p[0] == q[0]:
        if (p[1] + q[1]) % CURVE_P == 0:
            return None
        slope = (3 * p[0] * p[0] - 3) * pow(2 * p[1], -1, CURVE_P)
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, CURVE_P)
    x = (slope * slope - p[0] - q[0]) % CURVE_P
    return (x, (slope * (p[0] - x) - p[1]) % CURVE_P)


def multiply_on_curve(factor, point):
    result = None
    while factor:
        if factor & 1:
            result = add_on_curve(result, point)
        point = add_on_curve(point, point)
        factor >>= 1
    return result


def der_integer(value):
    data = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return b"\x02" + bytes([len(data)]) + data


def is_ecdsa(x, y, message, signature):
    """With SHA-256, DER in its only encoding: what is read must be what would be written."""
    on_curve = x < CURVE_P and y < CURVE_P and (y * y - (x**3 - 3 * x + CURVE_B)) % CURVE_P == 0
    if not on_curve or len(signature) < 8 or len(signature) > 72 or signature[3] > 33:
        return False
    end = 4 + signature[3]
    r, s = int.from_bytes(signature[4:end], "big"), int.from_bytes(signature[end + 2 :], "big")
    body = der_integer(r) + der_integer(s)
    if signature != b"\x30" + bytes([len(body)]) + body or not (0 < r < CURVE_N and 0 < s < CURVE_N):
        return False
    e, w = int.from_bytes(hashlib.sha256(message).digest(), "big"), pow(s, -1, CURVE_N)
    point = add_on_curve(multiply_on_curve(e * w % CURVE_N, CURVE_G), multiply_on_curve(r * w % CURVE_N, (x, y)))
    return point is not None and point[0] % CURVE_N == r


def is_rsa(n, message, signature):
    """RFC 8017, section 8.2.2, with e = 65537."""
    length = (n.bit_length() + 7) // 8
    s = int.from_bytes(signature, "big")
    if len(signature) != length or s >= n:
        return False
    info = SHA256_INFO + hashlib.sha256(message).digest()
    return pow(s, 65537, n).to_bytes(length, "big") == b"\0\1" + b"\xff" * (length - 3 - len(info)) + b"\0" + info


def url_of(value, what):
    """base64url without padding, in its canonical spelling."""
    text = text_of(value, what)
    must(re.fullmatch("[A-Za-z0-9_-]*", text), f"{what} is not base64url")
    plain = text.replace("-", "+").replace("_", "/")
    return base64_of(plain + "=" * (-len(plain) % 4), what)


def is_signed_by(key, message, signature):
    """Whether a JSON Web Key of a kind that section 8 names signed it."""
    what = "the assertion's publicKey"
    must(isinstance(key, dict), f"{what} is not an object")
    if key.get("kty") == "EC":
        object_of(key, what, ("kty", "crv", "x", "y"))
        x, y = url_of(key["x"], what), url_of(key["y"], what)
        must(key["crv"] == "P-256" and len(x) == len(y) == 32, f"{what} is not of P-256")
        return is_ecdsa(int.from_bytes(x, "big"), int.from_bytes(y, "big"), message, signature)
    if key.get("kty") == "OKP":
        object_of(key, what, ("kty", "crv", "x"))
        x = url_of(key["x"], what)
        must(key["crv"] == "Ed25519" and len(x) == 32, f"{what} is not of Ed25519")
        return is_signed(x, message, signature)
    must(key.get("kty") == "RSA", f"{what} is of no kind that is known here")
    object_of(key, what, ("kty", "n", "e"))
    n = url_of(key["n"], what)
    must(256 <= len(n) <= 512 and n[0] != 0 and n[-1] & 1 and key["e"] == "AQAB", f"{what} is no good RSA key")
    return is_rsa(int.from_bytes(n, "big"), message, signature)


ASSERTION = ("challenge", "credential", "publicKey", "rpId", "origin")
ASSERTION += ("authenticatorData", "clientDataJSON", "signature", "flags")
INPUTS = ("nonce", "request", "revision", "entitlement", "durationMs", "decision", "policy", "approver", "expiresAt")
DECISIONS = {"request.signed": "approve", "extension.signed": "approve-extension"}


def check_passkeys(events):
    used = set()
    for index, _, event in events:
        if "assertion" not in event["data"] and event["data"].get("assurance") != "passkey":
            continue
        challenge = check_passkey(index, event, events)
        must(challenge not in used, "one challenge was used for two decisions")
        used.add(challenge)


def check_passkey(index, event, events):
    """The challenge of a passkey decision, once all of section 8 holds for it."""
    what, data = f"the passkey at leaf {index}", event["data"]
    must(data.get("assurance") == "passkey", f"{what}: an assertion without the assurance")
    given = object_of(data.get("assertion"), f"{what}: its assertion", ASSERTION)
    inputs = object_of(given["challenge"], f"{what}: its challenge", INPUTS)
    for name in ("nonce", "policy"):
        hex_of(inputs[name], f"{what}: {name}", 64)
    for name in ("request", "entitlement", "decision", "approver"):
        text_of(inputs[name], f"{what}: {name}")
    revision = integer_of(inputs["revision"], f"{what}: revision", 1)
    duration = integer_of(inputs["durationMs"], f"{what}: durationMs", 1)
    expires_at = integer_of(inputs["expiresAt"], f"{what}: expiresAt", 1)

    must(DECISIONS.get(event["type"]) == inputs["decision"], f"{what} is for another kind of decision")
    must(event["stream"] == "grant:" + inputs["request"], f"{what} is for another request")
    must(data.get("by") == inputs["approver"], f"{what} is of another approver")
    must(data.get("policy") == inputs["policy"], f"{what} is under another policy")
    must(revision < event["seq"] and event["at"] < expires_at, f"{what} came too late")
    own = [one for _, _, one in events if one["stream"] == event["stream"] and one["seq"] < event["seq"]]
    must(own and own[0]["type"] == "request.asked", f"{what}: what was asked for is not in the file")
    asked = own[0]["data"]
    is_text = isinstance(asked.get("target"), str) and isinstance(asked.get("entitlement"), str)
    right = f"{asked['target']}:{asked['entitlement']}" if is_text else None
    must(right == inputs["entitlement"], f"{what} is for another entitlement")
    if inputs["decision"] == "approve-extension":
        more = [one for one in own if one["type"] == "extension.asked"]
        must(more and more[-1]["seq"] <= revision, f"{what} is for an earlier extension")
        asked = more[-1]["data"]
    must(asked.get("durationMs") == duration, f"{what} is for another time")

    check_enrolment(what, given, inputs["approver"], index, events)
    challenge = hashlib.sha256(canonical(inputs).encode()).digest()
    signed = check_ceremony(what, given, challenge)
    signature = base64_of(given["signature"], f"{what}: its signature")
    must(is_signed_by(given["publicKey"], signed, signature), f"{what}: the signature is not of that passkey")
    return challenge


def check_enrolment(what, given, approver, index, events):
    credential, found = given["credential"], None
    must(base64_of(credential, f"{what}: its credential"), f"{what}: its credential is empty")
    for leaf, _, one in events:
        if one["stream"] != "passkey:" + approver or leaf >= index:
            continue
        if one["type"] == "passkey.enrolled":
            must(isinstance(one["data"].get("passkey"), dict), f"{what}: an enrolment without a passkey")
            if one["data"]["passkey"].get("credential") == credential:
                found = one["data"]
        taken = one["data"].get("passkeys")
        if one["type"] == "passkey.revoked" and isinstance(taken, list) and credential in taken:
            found = None
    must(found is not None, f"{what} was not enrolled before")
    enrolled = found["passkey"]
    must(enrolled.get("publicKey") == given["publicKey"], f"{what}: another key was enrolled")
    must(enrolled.get("rpId") == given["rpId"], f"{what} was enrolled for another relying party")
    flags = object_of(given["flags"], f"{what}: its flags", ("up", "uv", "be", "bs"))
    must(isinstance(enrolled.get("flags"), dict), f"{what}: it was enrolled without flags")
    must(enrolled["flags"].get("be") is flags["be"], f"{what} changed its kind")
    must(isinstance(found.get("by"), str) and found["by"] != approver, f"{what} was enrolled without a second person")


def check_ceremony(what, given, challenge):
    """The bytes that were signed, once they say what they must."""
    rp_id, origin = text_of(given["rpId"], f"{what}: rpId"), text_of(given["origin"], f"{what}: origin")
    parts = re.fullmatch(r"(https?)://([a-z0-9.-]+)(:[1-9][0-9]{0,4})?", origin)
    is_own = parts and parts[2] == rp_id and (parts[1] == "https" or rp_id == "localhost")
    must(is_own, f"{what}: the page is not one of its relying party")
    client_bytes = base64_of(given["clientDataJSON"], f"{what}: clientDataJSON")
    client = parse_json(decode(client_bytes, f"{what}: clientDataJSON"), f"{what}: clientDataJSON")
    must(isinstance(client, dict), f"{what}: clientDataJSON is not an object")
    must(client.get("type") == "webauthn.get", f"{what} is of another ceremony")
    expected = base64.urlsafe_b64encode(challenge).decode().rstrip("=")
    must(client.get("challenge") == expected, f"{what} is signed for another challenge")
    must(client.get("origin") == origin, f"{what} was made on another page")
    must(client.get("crossOrigin", False) is False, f"{what} was made inside a page of another")

    authenticator = base64_of(given["authenticatorData"], f"{what}: authenticatorData")
    must(len(authenticator) >= 37, f"{what}: authenticatorData is too short")
    must(authenticator[:32] == hashlib.sha256(rp_id.encode()).digest(), f"{what} is for another relying party")
    bits, flags = authenticator[32], given["flags"]
    for name, bit in (("up", 1), ("uv", 4), ("be", 8), ("bs", 16)):
        must(flags[name] is bool(bits & bit), f"{what}: {name} is not what the authenticator said")
    must(flags["up"] and flags["uv"], f"{what}: the authenticator did not verify the person")
    must(flags["be"] or not flags["bs"], f"{what} cannot be backed up, and is said to be")
    return authenticator + hashlib.sha256(client_bytes).digest()


# 9. All of the tree at once -------------------------------------------------------------------------------------------

MAX_HEIGHT = 52


def lay_row(entries, events, size, root):
    """What the tree shows beside the events, and the gaps where it withholds, once its root is the checkpoint's."""
    row, place, shown_leaves, gaps = [], 0, [], []
    waiting, left = list(reversed(events)), list(reversed(entries))
    while place < size:
        what = f"the tree at leaf {place}"
        if waiting and waiting[-1][0] == place:
            height, node = 0, waiting.pop()[1]
        else:
            must(left, f"{what}: nothing stands there")
            entry = left.pop()
            if isinstance(entry, dict) and "body" in entry:
                object_of(entry, what, ("body",))
                node, event = read_body(entry["body"], what)
                height = 0
                shown_leaves.append((place, node, event))
            else:
                height, node = read_subtree(entry, what)
                end = place + 2**height
                must(place % 2**height == 0, f"{what}: no subtree of height {height} begins there")
                must(end <= (waiting[-1][0] if waiting else size) and end <= size, f"{what}: the subtree reaches too far")
                gaps.append((place, end))
        place += 2**height
        row.append((height, node))
        while len(row) > 1 and row[-1][0] == row[-2][0]:
            height, right = row.pop()
            row[-1] = (height + 1, node_hash(row[-1][1], right))
    must(not waiting and not left, "the tree: more stands there than it has places")
    reached = row.pop()[1] if row else EMPTY_ROOT
    while row:
        reached = node_hash(row.pop()[1], reached)
    must(reached == root, "the tree: its root is not the checkpoint's")
    return shown_leaves, gaps


def read_subtree(entry, what):
    object_of(entry, what, ("height", "hash"))
    height = integer_of(entry["height"], f"{what}: its height")
    must(height <= MAX_HEIGHT, f"{what}: a height above {MAX_HEIGHT}")
    return height, base64_of(entry["hash"], f"{what}: its hash", 32)


def check_tree_form(entries):
    """The forms of entries, also of those that no place asks for."""
    for entry in list_of(entries, "tree"):
        if isinstance(entry, dict) and "body" in entry:
            object_of(entry, "an entry of tree", ("body",))
            text_of(entry["body"], "an entry of tree: its body")
        else:
            read_subtree(entry, "an entry of tree")


# 10. A population -----------------------------------------------------------------------------------------------------

CLAIM = ("kind", "from", "until", "zone", "person", "target", "first", "end")
HOUR = 3_600_000


def read_claim(value):
    claim = dict(object_of(value, "population", CLAIM))
    must(claim["kind"] == "grants", f"population: no kind that is known here: {shown(claim['kind'])}")
    text_of(claim["zone"], "population: zone")
    for name in ("from", "until", "first", "end"):
        claim[name] = integer_of(claim[name], f"population: {name}")
    must(claim["from"] < claim["until"], "population: a period in which nothing is")
    must(claim["first"] < claim["end"], "population: a range in which nothing is")
    for name in ("person", "target"):
        must(claim[name] is None or text_of(claim[name], f"population: {name}") != "", f"population: {name} is empty")
    return claim


def belongs(claim, event):
    data, person, target = event["data"], claim["person"], claim["target"]
    is_asked = event["stream"].startswith("grant:") and event["seq"] == 1 and event["type"] == "request.asked"
    is_theirs = person is None or person in [one for one in (data.get("by"), data.get("for")) if isinstance(one, str)]
    is_there = target is None or data.get("target") == target
    return is_asked and claim["from"] <= event["at"] < claim["until"] and is_theirs and is_there


def check_population(claim, events, shown_leaves, gaps, size):
    """What is to be said of the population, and why it is not complete."""
    first, end = claim["first"], claim["end"]
    must(end <= size, "population: its range ends beyond the tree")
    streams = {event["stream"] for _, _, event in events}
    for index, _, event in shown_leaves:
        what = f"the leaf {index}, which is shown and no event of the file,"
        must(first <= index < end, f"{what} is outside of the range")
        must(not belongs(claim, event), f"{what} belongs to the population")
        must(event["stream"] not in streams, f"{what} is of a stream of the file")
    members = [(index, event) for index, _, event in events if event["seq"] == 1 and event["stream"].startswith("grant:")]
    for index, event in members:
        is_member = belongs(claim, event) and first <= index < end
        must(is_member, f"{shown(event['stream'])} does not belong to the population")

    doubts = []
    withheld = sum(max(0, min(gap_end, end) - max(gap, first)) for gap, gap_end in gaps)
    if withheld:
        doubts.append(f"{withheld} of the {end - first} leaves of the range are withheld: any may hold one more")
    leaves = [leaf for leaf in events if first <= leaf[0] < end]
    leaves = sorted(leaves + shown_leaves, key=lambda leaf: leaf[0])
    if leaves and leaves[0][0] == first and first > 0:
        must(leaves[0][2]["at"] <= claim["from"] - HOUR, "population: the range begins less than an hour before it")
    if leaves and leaves[-1][0] == end - 1 and leaves[-1][2]["at"] < claim["until"] + HOUR:
        must(end == size, "population: the range ends less than an hour after it")
        doubts.append(f"the log ends at {leaves[-1][2]['at']:.0f}, less than an hour after the period")
    highest, backwards = 0, []
    for index, _, event in leaves:
        if event["at"] < highest - HOUR:
            backwards.append(index)
        if event["type"] != "origin-started":
            highest = max(highest, event["at"])
    if backwards:
        doubts.append(f"the time of leaf {backwards[0]} does not fit its place, and of {len(backwards) - 1} more")
    said = f"a population of {len(members)} from {claim['from']} until {claim['until']} ({shown(claim['zone'])})"
    return f"{said}, person {shown(claim['person'])}, target {shown(claim['target'])}", doubts


# 11. Each hand-over ---------------------------------------------------------------------------------------------------

HAND_OVER = ("leafIndex", "body", "proof", "checkpoint", "consistency")


def read_hand_overs(entries, origin):
    """The vkeys of the log from the first, each with the sizes that it signs, and what must be continued."""
    spans, heads = [], []
    for entry in entries:
        object_of(entry, "a hand-over", HAND_OVER)
        index = integer_of(entry["leafIndex"], "a hand-over's leafIndex")
        what = f"the hand-over at leaf {index}"
        leaf, event = read_body(entry["body"], what)
        must((event["seq"] == 1) == (event["prev"] is None), f"{what}: prev is null where seq is 1, and only there")
        must(event["stream"] == "keys", f"{what} is of another stream")
        must(event["type"] == "record.signer-appointed", f"{what} appoints no signer")
        vkeys = [text_of(event["data"].get(name), f"{what}: {name}") for name in ("from", "to")]
        keys = [read_key(vkey, what) for vkey in vkeys]
        must(all(key[0] == origin for key in keys), f"{what} is about the key of another log")

        size, root, signed, signatures = read_note(text_of(entry["checkpoint"], what), origin, what)
        for key in keys:
            must_be_signed(signed, signatures, [key], what)
        must(size == index + 1, f"{what} is not the last leaf under its checkpoint")
        must(includes(index, size, leaf, proof_of(entry["proof"], what), root), f"{what} is not under its checkpoint")

        if spans:
            must(spans[-1][0] == vkeys[0] and size > spans[-1][2], f"{what} does not follow the one before")
            spans[-1][3] = size
        else:
            spans.append([vkeys[0], keys[0], 0, size])
        must(all(vkeys[1] != span[0] for span in spans), f"{what} goes back to an older key")
        spans.append([vkeys[1], keys[1], size, MAX_INTEGER])
        heads.append((size, root, proof_of(entry["consistency"], what), what))
    return spans, heads


# 13. Each single event ------------------------------------------------------------------------------------------------


def check_singles(entries, events, size, root, has_tree):
    """What is to be said of the events that stand alone, once each is proved by itself."""
    must(not entries or not has_tree, "singles stand beside a tree")
    whole = {event["stream"] for _, _, event in events}
    said, previous_index = [], -1
    for entry in entries:
        index, _, event = read_event(entry, previous_index, size, root, False)
        what = f"the single event at leaf {index}"
        must(event["stream"] not in whole, f"{what} is of a stream that is in events")
        must((event["seq"] == 1) == (event["prev"] is None), f"{what}: prev is null where seq is 1, and only there")
        data = event["data"]
        must("assertion" not in data and data.get("assurance") != "passkey", f"{what} is a passkey decision")
        said.append(f"the event at leaf {index} of {shown(event['stream'])} stands alone")
        previous_index = index
    return said


# The file -------------------------------------------------------------------------------------------------------------

TOP = ("format", "origin", "verifierKey", "checkpoint", "events", "reveals")


def check(data, key, earlier_notes):
    """What is to be said of a file that every check accepts, and why it is not complete; a Refusal for any other."""
    file = parse_json(decode(data, "the file"), "the file")
    must(isinstance(file, dict), "the file is not an object")
    for name in TOP:
        must(name in file, f"the file has no {name}")
    must(file["format"] == "countersign-evidence/1", f"not a format known here: {shown(file['format'])}")
    origin, file_key = text_of(file["origin"], "origin"), text_of(file["verifierKey"], "verifierKey")
    own_key = read_key(file_key, "verifierKey")
    must(own_key[0] == origin, f"the key is for {shown(own_key[0])}, the file for {shown(origin)}")
    spans, heads = read_hand_overs(list_of(file.get("handOvers", []), "handOvers"), origin)
    spans = spans or [[file_key, own_key, 0, MAX_INTEGER]]
    must(spans[-1][0] == file_key, "the hand-overs do not lead to verifierKey")
    must(key is None or key in [span[0] for span in spans], "neither verifierKey nor a key before it is the one that you gave")
    key = own_key

    size, root = read_checkpoint(text_of(file["checkpoint"], "checkpoint"), key, "the checkpoint")
    must(list_of(file["events"], "events") or "population" in file, "the file has no event")
    must("tree" in file or "population" not in file, "a population without a tree")
    events, previous_index = [], -1
    for entry in file["events"]:
        events.append(read_event(entry, previous_index, size, root, "tree" in file))
        previous_index = events[-1][0]
    population, doubts = [], []
    if "tree" in file:
        check_tree_form(file["tree"])
        shown_leaves, gaps = lay_row(file["tree"], events, size, root)
    if "population" in file:
        about, doubts = check_population(read_claim(file["population"]), events, shown_leaves, gaps, size)
        population = [about]
    said = check_streams(events) + began_anew(events)
    check_reveals(list_of(file["reveals"], "reveals"), events)
    check_policies(list_of(file.get("policies", []), "policies"), events)
    check_passkeys(events)
    said += check_singles(list_of(file.get("singles", []), "singles"), events, size, root, "tree" in file)
    for then, then_root, proof, what in heads:
        is_same = then == size and then_root == root and not proof
        must(is_same or continues(then, then_root, size, root, proof), f"{what} is not continued")
    earlier = [read_earlier(decode(note, "an earlier note"), origin, spans) for note in earlier_notes]
    said += check_consistency(list_of(file.get("consistency", []), "consistency"), earlier, size, root)
    further = sorted(set(file) - {*TOP, "consistency", "policies", "tree", "population", "handOvers", "singles"})
    return population + said + [f"no proof covers the member {shown(name)}" for name in further], doubts


def read_earlier(note, origin, spans):
    """Of a checkpoint that was kept: signed by a key that was in force at its size."""
    size, root, signed, signatures = read_note(note, origin, "an earlier note")
    keys = [key for _, key, first, last in spans if first <= size <= last]
    must_be_signed(signed, signatures, keys, "an earlier note")
    return size, root


def decode(data, what):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal(f"{what} is not UTF-8") from None


def verify(data, key=None, earlier_notes=()):
    """The verdict on the bytes of a file, and what is to be said of it."""
    try:
        said, doubts = check(data, key, earlier_notes)
    except Refusal as refusal:
        return "refused", [str(refusal)]
    said = [f"not complete: {doubt}" for doubt in doubts] + said
    if key is None:
        return "unanchored", ["the key is the file's own: it proves nothing until you get it from elsewhere", *said]
    return "incomplete" if doubts else "verified", said


def main():
    parser = argparse.ArgumentParser(description="Verifies an evidence file of the format countersign-evidence/1.")
    parser.add_argument("file")
    parser.add_argument("--key", metavar="VKEY", help="the log's key, from somebody who is not the file")
    parser.add_argument("--earlier", metavar="NOTE", action="append", default=[], help="a checkpoint that you kept")
    options = parser.parse_args()
    try:
        data, *earlier_notes = [open(path, "rb").read() for path in (options.file, *options.earlier)]
    except OSError as error:
        print(f"cannot be read: {ascii(error.filename)}: {error.strerror}", file=sys.stderr)
        return 2
    verdict, said = verify(data, options.key, earlier_notes)
    print("\n".join([verdict, *("- " + line for line in said)]))
    return 0 if verdict == "verified" else 1


if __name__ == "__main__":
    sys.exit(main())
