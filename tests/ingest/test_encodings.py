"""Encodings that nothing tells: a table of languages and the encodings that were in use for each.

Every text is decoded from its bytes alone: as a whole, its first 120 characters, and its first 40. The texts are the
beginning of the Universal Declaration of Human Rights, with a sentence more where letters were missing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from longdoc.ingest.clean import normalise
from longdoc.ingest.encoding import NotTextError, codec_named, decode
from longdoc.ingest.encoding_guess import guess

# Language -> its encodings, and the text in pieces.
TABLE = {
    "Polish": (
        "cp1250 iso8859_2 cp852",
        "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni "
        "obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa. Każdy "
        "człowiek posiada wszystkie prawa i wolności zawarte w niniejszej deklaracji bez względu na "
        "różnice rasy, koloru skóry, płci, języka, religii, poglądów politycznych i innych "
        "przekonań. Żółta łódź płynęła ku źródłu, a książę późno śpi.",
    ),
    "Czech": (
        "cp1250 iso8859_2 cp852",
        "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem a "
        "svědomím a mají spolu jednat v duchu bratrství. Každý má všechna práva a všechny svobody, "
        "stanovené touto deklarací, bez jakéhokoli rozlišování, zejména podle rasy, barvy, pohlaví, "
        "jazyka, náboženství, politického nebo jiného smýšlení. Příliš žluťoučký kůň úpěl ďábelské "
        "ódy, zatímco řeka šuměla.",
    ),
    "Hungarian": (
        "cp1250 iso8859_2",
        "Minden emberi lény szabadon születik és egyenlő méltósága és joga van. Az emberek, ésszel "
        "és lelkiismerettel bírván, egymással szemben testvéri szellemben kell hogy viseltessenek. "
        "Mindenki, bármely megkülönböztetésre, nevezetesen fajra, színre, nemre, nyelvre, vallásra, "
        "politikai vagy bármely más véleményre való tekintet nélkül hivatkozhat a jelen "
        "Nyilatkozatban kinyilvánított összes jogokra és szabadságokra. Árvíztűrő tükörfúrógép.",
    ),
    "Russian": (
        "cp1251 koi8_r iso8859_5 cp866 mac_cyrillic",
        "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом "
        "и совестью и должны поступать в отношении друг друга в духе братства. Каждый человек должен "
        "обладать всеми правами и всеми свободами, провозглашенными настоящей Декларацией, без "
        "какого бы то ни было различия, как-то в отношении расы, цвета кожи, пола, языка, религии, "
        "политических или иных убеждений.",
    ),
    "Ukrainian": (
        "cp1251 koi8_u",
        "Всі люди народжуються вільними і рівними у своїй гідності та правах. Вони наділені розумом "
        "і совістю і повинні діяти у відношенні один до одного в дусі братерства. Кожна людина "
        "повинна мати всі права і всі свободи, проголошені цією Декларацією, незалежно від раси, "
        "кольору шкіри, статі, мови, релігії, політичних або інших переконань, її походження.",
    ),
    "German": (
        "cp1252 cp850 mac_roman",
        "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und "
        "Gewissen begabt und sollen einander im Geiste der Brüderlichkeit begegnen. Jeder hat "
        "Anspruch auf die in dieser Erklärung verkündeten Rechte und Freiheiten ohne irgendeinen "
        "Unterschied, etwa nach Rasse, Hautfarbe, Geschlecht, Sprache, Religion, politischer oder "
        'sonstiger Überzeugung. "Größe" - und Äpfel für fünf Straßen.',
    ),
    "French": (
        "cp1252 iso8859_1 mac_roman",
        "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de "
        "raison et de conscience et doivent agir les uns envers les autres dans un esprit de "
        "fraternité. Chacun peut se prévaloir de tous les droits et de toutes les libertés proclamés "
        "dans la présente Déclaration, sans distinction aucune, notamment de race, de couleur, de "
        "sexe, de langue, d'opinion ; où l'été à Noël.",
    ),
    "Spanish": (
        "cp1252 iso8859_1",
        "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están "
        "de razón y conciencia, deben comportarse fraternalmente los unos con los otros. Toda "
        "persona tiene todos los derechos y libertades proclamados en esta Declaración, sin "
        "distinción alguna de raza, color, sexo, idioma, religión, opinión política. ¿Mañana? ¡Sí, "
        "señor! El niño comió piñas.",
    ),
    "Turkish": (
        "cp1254 iso8859_9",
        "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana "
        "sahiptirler ve birbirlerine karşı kardeşlik zihniyeti ile hareket etmelidirler. Herkes, "
        "ırk, renk, cinsiyet, dil, din, siyasi veya diğer herhangi bir akide, milli veya içtimai "
        "menşe, servet, doğuş veya herhangi diğer bir fark gözetilmeksizin işbu Beyannamede ilan "
        "olunan tekmil haklardan istifade edebilir.",
    ),
    "Greek": (
        "cp1253 iso8859_7",
        "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. Είναι "
        "προικισμένοι με λογική και συνείδηση, και οφείλουν να συμπεριφέρονται μεταξύ τους με πνεύμα "
        "αδελφοσύνης. Κάθε άνθρωπος δικαιούται να επικαλείται όλα τα δικαιώματα και όλες τις "
        "ελευθερίες που προκηρύσσει η παρούσα Διακήρυξη, χωρίς καμία απολύτως διάκριση.",
    ),
    "Hebrew": (
        "cp1255 iso8859_8",
        "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון, לפיכך חובה "
        "עליהם לנהוג איש ברעהו ברוח של אחווה. כל אדם זכאי לזכויות ולחירויות שנקבעו בהכרזה זו ללא "
        "הפליה כלשהי מטעמי גזע, צבע, מין, לשון, דת, דעה פוליטית או דעה בבעיות אחרות.",
    ),
    "Arabic": (
        "cp1256 iso8859_6",
        "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا وعليهم أن يعامل "
        "بعضهم بعضا بروح الإخاء. لكل إنسان حق التمتع بكافة الحقوق والحريات الواردة في هذا الإعلان، "
        "دون أي تمييز، كالتمييز بسبب العنصر أو اللون أو الجنس أو اللغة أو الدين أو الرأي السياسي أو "
        "أي رأي آخر.",
    ),
    "Japanese": (
        "cp932 euc_jp iso2022_jp",
        "すべての人間は、生れながらにして自由であり、かつ、尊厳と権利とについて平等である。人間は、理性と"
        "良心とを授けられており、互いに同胞の精神をもって行動しなければならない。すべて人は、人種、皮膚の"
        "色、性、言語、宗教、政治上その他の意見、国民的若しくは社会的出身によるいかなる事由による差別をも"
        "受けることなく、権利と自由とを享有することができる。",
    ),
    "Chinese": (
        "gb18030",
        "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。人人有资格"
        "享有本宣言所载的一切权利和自由，不分种族、肤色、性别、语言、宗教、政治或其他见解、国籍或社会出身"
        "、财产、出生或其他身分等任何区别。并且不得因一人所属的国家或领土的政治的、行政的或者国际的地位之"
        "不同而有所区别。",
    ),
    "Taiwanese": (
        "big5",
        "人人生而自由，在尊嚴和權利上一律平等。他們賦有理性和良心，並應以兄弟關係的精神相對待。人人有資格"
        "享有本宣言所載的一切權利和自由，不分種族、膚色、性別、語言、宗教、政治或其他見解、國籍或社會出身"
        "、財產、出生或其他身分等任何區別。並且不得因一人所屬的國家或領土的政治的、行政的或者國際的地位之"
        "不同而有所區別。",
    ),
    "Korean": (
        "euc_kr",
        "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 "
        "천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다. 모든 "
        "사람은 인종, 피부색, 성, 언어, 종교, 정치적 또는 기타의 견해, 민족적 또는 "
        "사회적 출신, 재산, 출생 또는 기타의 신분과 같은 어떠한 종류의 차별이 없이.",
    ),
    "Thai": (
        "cp874",
        "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม "
        "และควรปฏิบัติต่อกันด้วยเจตนารมณ์แห่งภราดรภาพ "
        "ทุกคนย่อมมีสิทธิและอิสรภาพทั้งปวงตามที่กำหนดไว้ในปฏิญญานี้ โดยปราศจากความแตกต่างไม่ว่าชนิดใด",
    ),
}
CASES = [(language, codec) for language, (codecs, _) in TABLE.items() for codec in codecs.split()]


def sample(language: str, codec: str, num_characters: int) -> tuple[str, bytes]:
    """The text, without what the encoding has no sign for, and its bytes."""
    data = TABLE[language][1][:num_characters].rstrip().encode(codec, errors="ignore")
    return data.decode(codec), data


def read(data: bytes) -> str:
    try:
        return normalise(decode(data).text)
    except NotTextError:
        return ""


def wrong(num_characters: int) -> Iterator[tuple[str, str]]:
    for language, codec in CASES:
        text, data = sample(language, codec, num_characters)
        if read(data) != normalise(text):
            yield language, codec


@pytest.mark.parametrize(("language", "codec"), CASES)
def test_a_paragraph_is_decoded_as_it_was_written(language: str, codec: str) -> None:
    text, data = sample(language, codec, 1000)
    assert read(data) == normalise(text)


def test_a_line_and_half_a_line_are_decoded_in_nearly_every_language() -> None:
    assert len(CASES) == 38
    assert list(wrong(120)) == []
    assert list(wrong(40)) == [("German", "mac_roman")]  # one letter beyond ASCII


def test_marks_of_word_processors_in_english_are_western() -> None:
    text = "He said “don’t” – and went… for £5 at the café."
    for codec in ("cp1252", "cp1250", "cp1254"):
        assert read(text.encode(codec, errors="ignore")) == normalise(text.encode(codec, errors="ignore").decode(codec))


def test_a_guess_that_another_is_near_to_says_so() -> None:
    found = guess("Alle sind frei an Würde".encode("cp850"))
    assert found is not None
    assert found.rival is not None
    assert "nearly as likely" in (decode("Alle sind frei an Würde".encode("cp850")).guess or "")
    text, data = sample("Russian", "cp1251", 1000)
    assert decode(data).guess == "the encoding was guessed: cp1251"
    assert text


def test_what_makes_no_letters_of_a_language_is_no_text_or_uncertain() -> None:
    assert guess(random.Random(1).randbytes(4000)) is None
    with pytest.raises(NotTextError):
        decode(random.Random(1).randbytes(4000))
    odd = b"plain words and " + bytes(range(0xA0, 0xC0)) * 3 + b" more plain words, so that it is taken for text. " * 9
    assert "uncertain" in (decode(odd).guess or "")


@pytest.mark.parametrize("charset", ["punycode", "idna", "unicode_escape", "undefined", "rot13", "hex", "zip", "none"])
def test_what_is_no_encoding_of_texts_is_not_believed(charset: str) -> None:
    page = f"<html><head><meta charset={charset}></head><body><p>a-b \\x41 ".encode() + b"Caf\xe9 " * 20_000
    assert codec_named(charset) is None
    text = decode(page, declared=True).text  # the notation of domain names would take minutes for that
    assert "a-b \\x41 Café Café" in text
    assert codec_named("Latin1") == "iso8859-1"
