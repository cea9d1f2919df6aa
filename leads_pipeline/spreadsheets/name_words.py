"""Words that show how a name is put together: titles, suffixes, particles, and the commonest family names of languages
that write the family name first, or two of them.

All are as `plain` makes them, but for the particles that must stand in small letters.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TITLES = _words("""
mr mr. mrs mrs. ms ms. miss mx mx. dr dr. prof prof. professor doctor sir dame lady lord rev rev. reverend hon hon. capt.
capt col. lt. lt sgt. sgt maj. maj gen. cpt. cpl. officer father sister brother rabbi imam
herr frau herrn hr hr. fr. frl. dipl.-ing. dipl.-kfm. dipl. mag. ing. ing ddr. dkfm. ra
mme mme. mlle mlle. mmes messrs monsieur madame mademoiselle me. maitre
sr. sra sra. srta srta. senor senora senorita lic. lic arq. arq ing.a dna. d.
sig. sig.ra sig.na sig signor signora signorina dott. dott.ssa dott avv. avv geom. rag. prof.ssa
dhr dhr. mevr mevr. mw mw. drs drs. ir. mr.dr. heer mevrouw
pan pani p. mgr mgr. inz. inz mudr. judr. rndr. phdr. bc.
froken fru
г-н г-жа господин госпожа пан пані д-р проф. док.
السيد السيده الدكتور الدكتوره د. أ. م. مر גב' ד"ר מר גברת
""")
"""What stands in front of a name."""

TITLES_BY_LANGUAGE = {
    "fr": _words("m. m mr me"),
    "es": _words("don dona d sr"),
    "pt": _words("sr dona"),
    "it": _words("don ing"),
    "de": _words("fr hr"),
    "tr": _words("sayin bay bayan"),
}
"""Titles in one language that are names or initials in another."""

TITLE_TAILS = _words("med. med h.c. habil. rer. nat. jur. phil. oec. pol. vet. dent. dr. ing. eh. univ. and & und dr")
"""What may follow a title before the name begins: Prof. Dr. med."""

SUFFIXES = _words("""
jr jr. sr sr. ii iii iv phd ph.d. ph.d m.d. esq esq. esquire mba m.b.a. cpa dds dvm j.d. m.sc. msc b.sc. bsc llm ll.m. cfa pmp
obe mbe cbe ret. ret p.e. m.a. b.a. m.p.h. mph r.n. d.o. d.d.s. c.p.a. junior fils jnr snr filho neto
""")
"""What stands behind a name."""

SHORT_SUFFIXES = _words("md jd ma ba rn pe do dc np pa edd aia cfp shrm")
"""What stands behind a name, and only in capitals or with a dot is none."""

TELLING_SUFFIXES = _words("md jd rn cfp edd aia")
"""Those of them that are no name, in capitals among capitals either."""

LOWER_PARTICLES = _words("""
van von vom zu zum zur de der den del della delle dello degli dei di du da das do dos des la le las los el af av ter ten te 't
op bin ibn bint al- ben y e st. a san בן בת
""") - {"y", "e", "a"}
"""Particles that begin a family name, when in small letters."""

PARTICLES = LOWER_PARTICLES | _words("al ould abu ap mac mc saint sainte st")
"""Particles that begin a family name in the middle of a name, in any letters."""

DEVOTIONS = _words(
    "carmen pilar rosario mar sol angeles dolores mercedes jesus consuelo socorro luz rocio lourdes fatima"
)
"""What makes a Spanish given name of a particle: María del Carmen."""

COUPLE_WORDS = _words("& + and und et en och og oraz и и. та и/или")
"""What joins two people."""

SPANISH_SURNAMES = _words("""
garcia rodriguez gonzalez fernandez lopez martinez sanchez perez gomez martin jimenez ruiz hernandez diaz moreno munoz alvarez
romero alonso gutierrez navarro torres dominguez vazquez ramos gil ramirez serrano blanco molina morales suarez ortega delgado
castro ortiz rubio marin sanz nunez iglesias medina garrido cortes castillo santos lozano guerrero cano prieto mendez cruz
calvo gallego vidal leon marquez herrera pena flores cabrera campos vega fuentes carrasco diez caballero reyes nieto aguilar
pascual santana herrero montero lorenzo hidalgo gimenez ibanez ferrer duran santiago benitez mora vicente vargas arias carmona
crespo roman pastor soto saez velasco moya soler parra esteban bravo gallardo rojas rivera silva chavez mendoza guzman salazar
contreras estrada sandoval espinoza espinosa valdez valencia cardenas rios maldonado pacheco acosta mejia figueroa salas
cervantes juarez avila zapata aguirre quintero orozco zamora cordoba rosales trujillo ochoa villanueva
""")

VIETNAMESE_SURNAMES = _words("""
nguyen tran le pham hoang huynh phan vu vo dang bui do ho ngo duong ly dinh trinh mai dao
""")
VIETNAMESE_MIDDLES = _words("van thi")

HONORIFICS = ("先生", "女士", "小姐", "さん", "様", "殿", "氏", "님", "씨")
"""What follows an East Asian name."""

KOREAN_COMPOUNDS = _words("남궁 황보 제갈 사공 선우 서문 독고 동방")

COMPOUND_SURNAMES = _words("""
欧阳 歐陽 司马 司馬 诸葛 諸葛 上官 司徒 东方 東方 独孤 皇甫 尉迟 公孙 公孫 慕容 令狐 长孙 夏侯 轩辕 端木 南宫 范姜 張簡
""")

CHINESE_SURNAMES = frozenset(
    "王李张張刘劉陈陳杨楊黄黃赵趙吴吳周徐孙孫马馬朱胡郭何高林罗羅郑鄭梁谢謝宋唐许許韩韓冯馮邓鄧曹彭曾肖蕭田董袁潘于蒋蔣蔡余杜"
    "叶葉程苏蘇魏吕呂丁任沈姚卢盧姜崔钟鍾谭譚陆陸汪范金石廖贾賈夏韦韋付方白邹鄒孟熊秦邱江尹薛闫段雷侯龙龍史陶黎贺賀顾顧毛郝龚龔"
    "邵万萬钱錢严嚴覃武戴莫孔向汤湯柯庄莊詹洪涂游施翁连連童颜顏温溫巫简簡古"
)
"""The commonest family names of one character, in short and long form."""

JAPANESE_SURNAMES = _words("""
佐藤 鈴木 高橋 田中 伊藤 渡辺 渡邊 渡部 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 斎藤 齋藤 斉藤 清水 山崎
池田 橋本 阿部 石川 山下 中島 石井 小川 前田 岡田 長谷川 藤田 後藤 近藤 村上 遠藤 青木 坂本 福田 太田 西村 藤井 金子 岡本
藤原 三浦 中野 中川 原田 松田 竹内 小野 田村 中山 和田 石田 森田 上田 内田 柴田 酒井 宮崎 横山 高木 安藤 宮本 大野 小島
工藤 谷口 今井 高田 丸山 増田 杉山 村田 大塚 新井 小山 平野 藤本 河野 上野 野口 武田 松井 千葉 菅原 岩崎 久保 木下 佐野
野村 松尾 市川 菊地 菊池 杉本 古川 大西 島田 水野 桜井 高野 渡 吉川 山内 西田 飯田 西川 小松 北村 安田 五十嵐 川口 平田
関 中田 久保田 東 服部 川崎 岩田 土屋 福島 本田 辻 樋口 秋山 田口 永井 山中 中西 吉村 川上 大橋 石原 松岡 浜田 馬場
森本 矢野 浅野 松下 星野 大久保 吉岡 小池 野田 荒木 大谷 熊谷 松浦 黒田 堀 尾崎 望月 永田 内藤 松村 西山 大島 菅野
早川 荒井 大石 平井 林 森 原 岡 南 星 堤 栗原 鈴 桑原 鶴田 織田 徳川 豊田 本間 黒澤 黒沢 宮田 宮下 白石 二宮 長井
""")
