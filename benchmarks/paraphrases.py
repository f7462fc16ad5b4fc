"""What some benchmark tasks ask for, said in other words: written before the rules were tuned, so nothing is fitted.

Keyed by task id; every seventh task of HumanEval and every eighteenth of MBPP's test split, so nothing was picked.
"""

PARAPHRASES = {
    "HumanEval/0": "Tell whether some pair of the given numbers is nearer together than the threshold.",
    "HumanEval/7": "Keep only those strings of a list in which a particular substring occurs.",
    "HumanEval/14": "List every prefix of a string, beginning with the shortest and ending with the longest.",
    "HumanEval/21": "Scale a list of at least two numbers linearly so that its minimum maps to 0 and its maximum to 1.",
    "HumanEval/28": "Join all strings of the list into one string.",
    "HumanEval/35": "Find the largest element of a list.",
    "HumanEval/42": "Add one to each element of the list and return the new list.",
    "HumanEval/49": "Compute two to the power n, modulo p, with care for large values.",
    "HumanEval/56": "Check that each opening angle bracket in a string of brackets is closed by a matching bracket.",
    "HumanEval/63": "Calculate the n-th number of the FibFib sequence, where each number is the sum of the"
    " three before it.",
    "HumanEval/70": "Sort integers strangely: first the smallest, next the largest of those left, then the"
    " smallest again.",
    "HumanEval/77": "Determine if an integer is the cube of another integer.",
    "HumanEval/84": "Add up the digits of a positive integer and give the sum written in binary.",
    "HumanEval/91": 'Count boredoms in a text, that is, sentences whose first word is "I"; a sentence ends'
    " with . or ? or !",
    "HumanEval/98": "How many vowels in upper case stand at even positions of the string?",
    "HumanEval/105": "Take the integers from 1 to 9 out of an array, sort them in descending order and spell each digit"
    ' as its English name ("One" to "Nine").',
    "HumanEval/112": "Delete from the first string every character that the second one holds, and report the"
    " string that is"
    " left together with whether it is a palindrome.",
    "HumanEval/119": "Given two strings of parentheses, decide if joining them in one order or the other can give a"
    " string whose parentheses are balanced.",
    "HumanEval/126": "Check whether a list of integers is in ascending order, where no number may occur more"
    " than twice.",
    "HumanEval/133": "Round every number of the list up to the next integer, then return the sum of their squares.",
    "HumanEval/140": "Replace the spaces of a text by underscores, but turn more than two consecutive spaces"
    " into one dash.",
    "HumanEval/147": "Build the array a[i] = i * i - i + 1 of length n and count triples i < j < k whose sum"
    " is divisible by 3.",
    "HumanEval/154": "Is the second word, or some rotation of it, contained in the first word as a substring?",
    "HumanEval/161": "Swap upper and lower case of every letter in the string; where it has no letters at"
    " all, give it reversed.",
    "Mbpp/11": "Delete the first and the last occurrence of a character in a string.",
    "Mbpp/29": "Return the element that occurs an odd number of times in the array.",
    "Mbpp/47": "Compute the last digit of the quotient of two factorials, b! / a!.",
    "Mbpp/65": "Sum up a nested list by recursion.",
    "Mbpp/83": "Get the character that results when the characters of a string are added together.",
    "Mbpp/101": "Return the element at position k of an array.",
    "Mbpp/119": "In a sorted array all elements appear twice but one; find the element that appears once.",
    "Mbpp/137": "Calculate the ratio of zeros among the integers of an array.",
    "Mbpp/155": "Flip every even bit of a number.",
    "Mbpp/173": "Strip all characters that are not alphanumeric from the string.",
    "Mbpp/191": "Does the month with this name have 30 days?",
    "Mbpp/209": "Pop the smallest item off a heap and push a new item onto it.",
    "Mbpp/227": "Return the smallest of three numbers.",
    "Mbpp/245": "Find the bitonic subsequence of an array that has the greatest sum, and return this sum.",
    "Mbpp/263": "Combine two dictionaries into one.",
    "Mbpp/281": "Test whether all elements of a list are distinct.",
    "Mbpp/299": "Aggregate the tuples of a list by their key and return the key with the maximum total.",
    "Mbpp/317": "Encode a list with modified run-length encoding.",
    "Mbpp/335": "Compute the sum of the terms of an arithmetic progression.",
    "Mbpp/353": "Drop the given column from each row of a nested list.",
    "Mbpp/371": "Return the smallest number that is missing from a sorted array.",
    "Mbpp/389": "Calculate the n-th number in the Lucas sequence.",
    "Mbpp/407": "Rearrange the digits of a number to get the next larger number.",
    "Mbpp/425": "In how many of the sublists does a certain element occur?",
    "Mbpp/443": "Get the largest of the negative numbers in a list.",
    "Mbpp/461": "Return how many characters of the string are uppercase.",
    "Mbpp/479": "Return the leading digit of a number.",
    "Mbpp/497": "Calculate the surface area of a cone from its radius and height.",
}
