"""The words that stand in for people's, in the scripts that lead lists are written in.

They are made up: whatever word of a surrogate is neither here nor in a public vocabulary (`value_words`) came from
somewhere else, and that is how a leak is told.
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN_NAMES = {
    "latin": _words("maria anna peter thomas laura daniel sofia paul elena oliver emma robert"),
    "cyrillic": _words("мария анна иван елена олександр оксана"),
    "han": _words("太郎 花子 伟 芳"),
    "hangul": _words("민수 지은"),
    "arabic": _words("محمد فاطمه"),
    "hebrew": _words("דוד שרה"),
}
"""Given names that the profile knows as such, so that a column of them still looks like one."""

WORDS = {
    "latin": _words("""
dafi dera leba mabu madu zilu fokos gelav gunil movma nalfe nekba nenur rollu tuvus zoxmu doputi folato givesi
gonmos lozupe nedofe pogiti poguku raluna rolefa safoge tafekn badebol dabefos duvnizi fikipil gilmape napokuk
pegomso putinve renfimo sekzetu sositir tefirki tukvuza dixmaxso felitigi gafulesu genodoka larikper ligamope
mikavkel muvimaso nidekuno pedoxdun punbovek takimora voperlur defubimin ginetoxgo kadugozim kikikefel koleguxti
momizaxto nabinrilu nomoxfati remipumdo sapixdade tombagusi bikizulage fuxpedevze ketelrikko kibilozimo lumpovenra
mezalofars nerulbersi nivmarezer ponvofurmi zalanuviku begetixlums bivuzibokva dulebavsata kipuvgokvul narzikampir
pimufezonve serpusofuka tobotovnenk vimpavorgam benukomalsan bimaxmidemuv fedepefizoku gimizizopile kornonotorpu
pifimazorosu siduvevmeziv sungakurzexl
"""),
    "cyrillic": _words("""
белун бореве бумув видин гокуван каразев кукун легака мавонов мижекав нерура рибабабу бонубон варонун жанузутагув
зутолегав кижугонав нодоконелин равелевав рерололинив тетажутов тудотебин
"""),
    "greek": _words("""
βολος λετες νετας λιμαρις νεκοτας νικοτας νιραρος πεκεκας γενορος ταμοραγας πογοπαδος δομονεκας
"""),
    "arabic": _words("""
تلنن جربز دجكت نكتت زللت رزندت زددجب رزبمبب زبدرنن مكجلج رملبتج
"""),
    "hebrew": _words("""
גרכד זבדז זדבמ גמככ זמגכד כזבדמ גכממגד ללזדבט רטכדטמ נדמדט
"""),
}

CHARACTERS = {
    "han": "甲乙丙丁戊己庚辛壬癸",
    "kana": "アカサタナハマヤラワ",
    "hiragana": "あかさたなはまやらわ",
    "hangul": "가나다라마바사아자차카타파하",
    "thai": "กขคงจฉชซ",
    "devanagari": "कखगघङचछजझञ",
}
"""For scripts without spaces, or whose marks belong to their letters: one character stands for one."""

CODE_LETTERS = "qxz"
"""Letters of ids and codes that mix letters with figures."""
HEX_LETTERS = "abcdef"

PHONE_ENDING = "55501"
"""Numbers that end so, with two more figures, belong to nobody in North America; elsewhere they must be invalid."""

MORE_GIVEN_NAMES = frozenset(
    _words("""
ada adele agnes aidan alan alana albert alberto alex alexis alfred alice alison allison alma alyssa amelia amir amos
anastasia andre angelo anika anita anneliese annette annika antonia april ariana arthur arturo asher audrey august
austin ava avery axel barbora barry beate benedikt bernadette bernard bernardo bernhard bert bertha bianca blake bob
bonnie boris brad bradley brigitte britta brooke bruce bruno bryan caleb calvin cameron candice carla carlo caroline
carsten casey cassandra cecilia cedric chad charlene charlie chelsea cheryl chris christa christiane christoph
claire clara clarence claude clemens clement clifford colin connie connor corinna craig curtis cyril dale damian
damien darlene darrell dave dawn dean debbie denise derek desmond detlef diana dimitri dirk dominic dominik don
donald doris dorothea doug douglas duncan dylan earl ed eddie edgar edith eduardo edwin eileen eleanor eleni eliana
elias ella ellen eloise elsa emanuel emil emilia emilio enrico enrique eric erica erika ernest ernst esther eugene
eva evan evgeny fabian fabio faith felicia felipe fiona florence florian franz fred freddie frederick frederik
friedrich gabriel gail gary gavin gemma gene geoff geoffrey georg george georgia gerald gerard gerd gerhard gerrit
gina gisela glen glenn gloria gordon graham grant greg gregor gudrun guido guillaume gunter gunther gus gustav guy
hannah hannes harald harold harriet hartmut hector heidi heinrich heinz helene helga helmut henri henrik herbert
herman hermann hilde holger holly horst howard hubert hugo ian ida ignacio igor ilse imogen ines inga inge ingo
irene iris irma isaac isabella isla jackie jacqueline jade jaime jake jakob jamie jane janice janina jared jasmin
jasmine jay jeanette jeff jeffrey jenna jennie jenny jerome jill jim jimmy joachim joann jochen joe joel joelle
johann johanna johannes john johnny jon jonah jordi jorg josef josefina josephine josh joshua josie juanita judy
julian juliette julius justine kai karin karina karl karl-heinz karsten kate katelyn katharina kathrin kathy katie
katja keira kelvin ken kenneth kent kerstin kieran kirk kirsten konrad kristen kristina kurt kylie lance larissa
larry lars lars-erik lawrence lee lennart leonard leonardo leonie leroy leslie lewis liam lilian lillian lily
lindsay lionel lloyd logan lois lola lorenzo lorraine louis louise lucas lucy ludwig luisa luke lutz lydia lynn
mabel madeleine madison maja malcolm manfred manuel manuela marc marcel marcia marcus margarete margot marguerite
marian marianne mario marion marisa marius marlene marlon martina marvin mathilde matilda maureen maurice mauricio
mauro max maximilian maya megan melanie melvin mia michaela mick mike mila milan milena miles millie mira miranda
miriam mitchell moira molly morgan morris myriam nadine nadja naomi natalia natalie nathaniel ned neil nelly nelson
nick nicola nicolai nicolas nigel nikita nikolai nils nina noel nora norbert norma norman octavia olaf olga olivier
omar oscar oskar otto owen pam pascal pat patrice patrick patty paulina pauline pedro peggy penelope penny percy
perry phil philip philipp phillip phoebe phyllis pia quentin rachael rainer ralph ramon ramona randy raphael ray
rebekka regina reinhard rene reto rhonda rick ricky rita rob robin rodney rodrigo roland rolf roman romy ron ronald
ronja ronnie rosalie rosalind rosemary ross roswitha roxanne roy ruben rudi rudolf rudolph rupert russell ruth
sabrina sadie salvador salvatore sam samira sandy santiago sascha saskia sean sebastian selena selina serena sergei
seth shane shannon shawn sheila sherry sibylle sidney siegfried sigrid simon simone sinead siobhan sonia sonja
sophia sophie stacey stacy stan stanislav stanley stella stephan stephane stephen steve stewart stuart sue susann
susanna sylvia sylvie tabea tamara tanja tanya tara tatjana ted terence teresa terri terry tessa theo theodor
theodore theresa therese thilo tiffany tim timo timothy tina tobias todd tom tommy toni tony tracey tracy travis
trevor tristan trudy udo ulf uli ulrich ulrike ute valentin valentina valeria vanessa vera verena vernon veronica
veronika vicky vincent vincenzo viola violet virginia vivian viviane volker wallace walter wanda warren wayne
wendelin wendy werner wesley wilfried wilhelm willi willy wilma winfried wolfram xavier yannick yasmin yvette yvonne
zara zoe zoey
""")
)
"""Given names beyond those that the profile knows: looked for in headers, which no model is trained to take for names."""
