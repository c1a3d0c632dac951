import { mainElement } from '../shared/dom.js'

mainElement()
