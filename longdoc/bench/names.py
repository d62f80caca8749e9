"""Names for facts that are measured: places on no map of the training.

The training makes its names of lower-case words of the vocabulary, of pairs of them, and of open syllables
(`train/tasks.py`). These begin with a capital, are of one word, take several tokens, and are none of those words in
lower case either, which a test holds against the embedded model's vocabulary. As words of the language they may stand
in training text; as names of codes none has ever stood there.
"""

from __future__ import annotations

_LIST = """
Abbotsley Aldermoor Alnwick Amberside Appledore Arkendale Ashbourne Askrigg Axminster Aylesford
Bagworth Bainbridge Bampton Barrowden Beaminster Bellingham Berkhamsted Bideford Birchgrove Blakeney
Bodmin Boscastle Bracknell Bridlington Brixham Bromyard Buckfast Burslem Buxted Caldbeck
Callington Carnforth Cawthorne Charlbury Cheddington Chipstead Cirencester Clevedon Clitheroe Cockermouth
Colyford Congleton Corfe Cranbrook Crewkerne Cromarty Cuckfield Dalkeith Dartmouth Daventry
Debenham Dersingham Dinnington Dorchester Droitwich Dulverton Dunwich Dymchurch Earlswood Eastleigh
Eccleshall Edgbaston Egremont Elmswell Emsworth Epworth Evesham Eyemouth Fakenham Falmouth
Faversham Felixstowe Filey Fishguard Fordingbridge Fowey Framlingham Frodsham Gainsborough Garstang
Gillingham Glossop Godalming Goudhurst Grasmere Guisborough Hadleigh Hailsham Halesworth Harpenden
Haslemere Haverhill Hawkshead Hebden Helmsley Hexham Holmfirth Huntingdon Horncastle Hungerford
Ibstock Idmiston Ilfracombe Ilkley Immingham Ipplepen Ivybridge Jarrow Jedburgh Keighley
Kelvedon Kenilworth Keswick Kettlewell Kidwelly Kingsbridge Kirkcudbright Knaresborough Knutsford Lambourn
Langport Launceston Lavenham Leatherhead Leominster Lerwick Lichfield Linlithgow Liskeard Llandovery
Lostwithiel Ludlow Lutterworth Lyndhurst Lytham Mablethorpe Malmesbury Marlborough Maryport Melksham
Midhurst Minehead Moffat Morpeth Muckleford Nailsworth Nantwich Needham Newquay Northallerton
Oakengates Oakham Okehampton Olney Oswestry Oundle Padstow Painswick Penrith Pershore
Petworth Pickering Pocklington Polperro Porthcawl Prudhoe Pwllheli Quenington Quorndon Ramsbottom
Redruth Repton Richmondale Ripley Romsey Rothbury Ruthin Rydal Saffron Saltburn
Sandbach Saxmundham Sedbergh Shaftesbury Sherborne Sidmouth Skelmersdale Sleaford Southwold Stamfordham
Stowmarket Sudbury Swaffham Tadcaster Tavistock Tewkesbury Thaxted Tideswell Totnes Uckfield
Ulverston Uppingham Uttoxeter Ventnor Wadebridge Walberswick Wantage Warminster Wensleydale Whitby
Wincanton Windermere Wirksworth Woodbridge Wymondham Yarmouth Yeovil Ystrad Yelverton Zelah
"""
NAMES: tuple[str, ...] = tuple(_LIST.split())
